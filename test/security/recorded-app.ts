import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** An app's folder: Keyturn as it is, in a process that writes down with whom it connects, below and above every library it uses. */
export interface RecordedApp {
  readonly folder: string;
  /** `host:port` of every address in its settings. */
  configured(): ReadonlySet<string>;
  /** `host:port` of whatever was connected to, and whatever was asked by HTTP. */
  authorities(): ReadonlySet<string>;
}

const recorder = (file: string): string => `
const { appendFileSync } = require('node:fs');
const { Socket } = require('node:net');
const { subscribe } = require('node:diagnostics_channel');
const note = (kind, authority) => appendFileSync(${JSON.stringify(file)}, kind + ' ' + String(authority).toLowerCase() + '\\n');
for (const value of Object.values(process.env)) {
  for (const [url] of value.matchAll(/https?:\\/\\/[^;\\s"]+/g)) note('configured', new URL(url).host);
}
const { connect } = Socket.prototype;
Socket.prototype.connect = function (...args) {
  const [{ host = 'localhost', port, path }] = Array.isArray(args[0]) ? args[0] : args;
  note('connected', path ?? host + ':' + port);
  return connect.apply(this, args);
};
subscribe('http.client.request.start', ({ request }) => note('asked', request.getHeader('host')));
subscribe('undici:request:create', ({ request }) => note('asked', new URL(request.origin).host));
`;

export function recordedApp(folder: string): RecordedApp {
  const file = join(folder, 'authorities.txt');
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, '');
  writeFileSync(join(folder, 'recorder.js'), recorder(file));
  const built = JSON.stringify(resolve('dist/functions/index.js'));
  writeFileSync(join(folder, 'recorded.js'), `require('./recorder.js');\nrequire(${built});\n`);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ main: 'recorded*.js' }));
  writeFileSync(join(folder, 'host.json'), JSON.stringify({ version: '2.0' }));
  const noted = (...kinds: readonly string[]) => {
    const lines = readFileSync(file, 'utf8').split('\n');
    return new Set(
      lines.flatMap((line) => (kinds.includes(line.split(' ')[0] ?? '') ? [line.split(' ')[1] ?? ''] : [])),
    );
  };
  return { folder, configured: () => noted('configured'), authorities: () => noted('connected', 'asked') };
}
