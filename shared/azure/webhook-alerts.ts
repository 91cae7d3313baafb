import { createHmac } from 'node:crypto';
import type { Webhook } from '../config';
import { FaultError } from '../rotation/errors';
import type { AlertChannel } from '../rotation/ports';
import { retryAfterOf } from './error-body';
import { requestTimeouts } from './requests';
import { translateAnswer } from './status-codes';

/**
 * Posts each alert as JSON to one address. Any 2xx is an answer; a repeat carries the same `idempotency-key`. With a secret the
 * body is signed: `x-keyturn-signature: sha256=<hex of HMAC-SHA-256 over the body's bytes>`.
 */
export function createWebhookAlerts({ url, secret }: Webhook): AlertChannel {
  return {
    name: 'webhook',
    async send({ id, type, subject, time, data }) {
      const doing = { service: 'webhook', what: `post alert ${type} to ${new URL(url).host}` } as const;
      const body = JSON.stringify({ id, type, subject, time, data });
      const { status, headers } = await post(url, body, headersOf(id, body, secret), doing.what);
      if (status >= 200 && status < 300) return;
      const retryAfterSeconds = retryAfterOf((name) => headers.get(name));
      throw translateAnswer(doing, { status, code: null, innerCode: null, retryAfterSeconds });
    },
  };
}

function headersOf(id: string, body: string, secret: string | null): Record<string, string> {
  const headers = { 'content-type': 'application/json', 'user-agent': 'keyturn', 'idempotency-key': headerSafe(id) };
  if (secret === null) return headers;
  return { ...headers, 'x-keyturn-signature': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}` };
}

/** Ids hold whatever an event's version held; what no header may carry is percent-encoded, the same way every time. */
const headerSafe = (id: string): string =>
  id.toWellFormed().replace(/[^\x21-\x7e]/gu, (character) => encodeURIComponent(character));

/** The answer's body is not read, however long it is; a redirect would carry the alert to wherever it points. */
async function post(url: string, body: string, headers: Record<string, string>, what: string): Promise<Response> {
  try {
    const signal = AbortSignal.timeout(requestTimeouts.alert);
    const response = await fetch(url, { method: 'POST', body, headers, signal, redirect: 'manual' });
    await response.body?.cancel();
    return response;
  } catch (error) {
    // Told by name: whatever fetch says of the network may hold the address, and the address may hold a secret.
    const late = (error as Error).name === 'TimeoutError';
    const said = late ? 'did not answer in time' : 'could not be reached';
    throw new FaultError(late ? 'timeout' : 'unreachable', `The webhook ${said} to: ${what}. It is tried again.`);
  }
}
