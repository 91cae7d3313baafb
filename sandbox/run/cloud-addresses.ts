import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CloudAddresses as All } from '../cloud/start';

/** Where everything is, and what the managed identity endpoint asks for. */
export type CloudAddresses = Omit<All, 'alertTopicKey'>;
/** As they are printed: without a secret. */
type PrintedAddresses = Omit<CloudAddresses, 'identityHeader'>;

/** The addresses in a line of JSON; undefined if the line is something else. */
export function readAddresses(line: string): PrintedAddresses | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value = JSON.parse(line) as Partial<PrintedAddresses>;
    return typeof value.control === 'string' && typeof value.ca === 'string' ? (value as PrintedAddresses) : undefined;
  } catch {
    return undefined;
  }
}

/** With what is not printed, from the disk of the local cloud. */
export function completed(printed: PrintedAddresses, state: string): CloudAddresses {
  return { ...printed, identityHeader: readFileSync(join(state, 'identity-header'), 'utf8') };
}
