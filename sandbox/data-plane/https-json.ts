import { readFileSync } from 'node:fs';
import { request } from 'node:https';

export interface JsonAnswer {
  status: number;
  body: unknown;
}

/** Machine time: how long a service waits for Key Vault before it calls it unreachable. */
const timeoutMilliseconds = 20_000;

/** Calls another stand-in over HTTPS, trusting only the sandbox's own certificate authority. */
export class HttpsJson {
  readonly #ca: Buffer;

  constructor(caFile: string) {
    this.#ca = readFileSync(caFile);
  }

  /** @throws Error when there is no answer: refused, reset, timed out, or a body that is not JSON */
  async call(method: string, url: string, token: string, body?: unknown): Promise<JsonAnswer> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      authorization: `Bearer ${token}`,
      ...(text !== undefined && {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(text)),
      }),
    };
    return new Promise((resolve, reject) => {
      // A connection of its own for every call: a kept one that the vault has closed would look like an outage.
      const outgoing = request(url, { method, headers, ca: this.#ca, agent: false }, async (incoming) => {
        try {
          const chunks: Buffer[] = [];
          for await (const chunk of incoming) chunks.push(chunk as Buffer);
          const raw = Buffer.concat(chunks).toString('utf8');
          resolve({ status: incoming.statusCode ?? 0, body: raw === '' ? undefined : JSON.parse(raw) });
        } catch (error) {
          reject(error);
        }
      });
      outgoing.setTimeout(timeoutMilliseconds, () => outgoing.destroy(new Error('no answer in time')));
      outgoing.on('error', reject);
      outgoing.end(text);
    });
  }
}
