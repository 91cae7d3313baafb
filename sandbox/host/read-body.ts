import type { IncomingMessage } from 'node:http';

/** The Functions host's own limit for a request body (Azure's documentation on HTTP triggers: 100 MB). */
const bodyLimit = 100 * 1024 * 1024;

export class BodyTooLarge extends Error {}

/**
 * Reads a request's body.
 * @throws BodyTooLarge as soon as more than `limit` bytes have come, without keeping them; Error if the other side is gone
 */
export function readBody(request: IncomingMessage, limit = bodyLimit): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (Number(request.headers['content-length'] ?? 0) > limit) throw new BodyTooLarge();
    let parts: Buffer[] = [];
    let size = 0;
    request.on('data', (part: Buffer) => {
      size += part.length;
      if (size <= limit) parts.push(part);
      else {
        parts = [];
        reject(new BodyTooLarge());
      }
    });
    request.once('end', () => resolve(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)));
    request.once('error', reject);
    request.once('close', () => reject(new Error('The request was not sent to its end.')));
  });
}
