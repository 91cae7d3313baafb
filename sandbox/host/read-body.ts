import type { IncomingMessage } from 'node:http';

/** The Functions host's own limit for a request body (Azure's documentation on HTTP triggers: 100 MB). */
const bodyLimit = 100 * 1024 * 1024;

export class BodyTooLarge extends Error {}

/**
 * Reads a request's body.
 * @throws BodyTooLarge as soon as more than `limit` bytes have come, without keeping them
 */
export async function readBody(request: IncomingMessage, limit = bodyLimit): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > limit) throw new BodyTooLarge();
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > limit) throw new BodyTooLarge();
    parts.push(part);
  }
  return Buffer.concat(parts);
}
