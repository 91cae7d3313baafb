import { subscribe } from 'node:diagnostics_channel';
import { type ClientRequest, createServer, type IncomingMessage } from 'node:http';

/**
 * Loaded into the host's process before everything else: notes when each HTTP request began and ended, both those that came in
 * and those that the app sent, and tells it, with the process's CPU time, to whoever asks on `METER_PORT`. It reads no body.
 */

export interface Noted {
  readonly direction: 'in' | 'out';
  readonly method: string;
  /** `host:port`, as the caller wrote it. */
  readonly host: string;
  readonly path: string;
  readonly began: number;
  ended: number | null;
  status: number | null;
}

/** Milliseconds since 1970 with fractions; the same clock for every request of this process. */
const now = (): number => performance.timeOrigin + performance.now();
/** What it answers: the requests since it was asked last, and CPU time since the process began. */
export interface Reading {
  readonly at: number;
  readonly cpuMilliseconds: number;
  readonly requests: readonly Noted[];
}

const noted: Noted[] = [];
const open = new WeakMap<object, Noted>();

function begin(direction: 'in' | 'out', of: object, what: { method?: string; host: unknown; path?: string }): Noted {
  const { method = 'GET', host, path = '/' } = what;
  const note: Noted = {
    direction,
    method,
    host: String(host ?? ''),
    path: path.split('?')[0] ?? '/',
    began: now(),
    ended: null,
    status: null,
  };
  noted.push(note);
  open.set(of, note);
  return note;
}

subscribe('http.client.request.start', (message) => {
  const { request } = message as { request: ClientRequest };
  const note = begin('out', request, { method: request.method, host: request.getHeader('host'), path: request.path });
  // The end of the body, not its beginning: until then the app waits.
  request.once('response', (response) => {
    note.status = response.statusCode ?? null;
    response.once('close', () => {
      note.ended ??= now();
    });
  });
  request.once('close', () => {
    note.ended ??= now();
  });
});
subscribe('http.server.request.start', (message) => {
  const { request } = message as { request: IncomingMessage };
  const { method, url, headers } = request;
  begin('in', request, { ...(method ? { method } : {}), host: headers.host, ...(url ? { path: url } : {}) });
});
subscribe('http.server.response.finish', (message) => {
  const { request } = message as { request: IncomingMessage };
  const note = open.get(request);
  if (note !== undefined) note.ended = now();
});

// biome-ignore lint/style/noProcessEnv: it has no other way to be told
const { METER_PORT: port = '' } = process.env;
const server = createServer((_, response) => {
  const { user, system } = process.cpuUsage();
  const reading: Reading = { at: now(), cpuMilliseconds: (user + system) / 1000, requests: noted.splice(0) };
  response.end(JSON.stringify(reading));
});
server.listen(Number(port), '127.0.0.1').unref();
