import type { CloudAddresses } from '../cloud/start';

export type { CloudAddresses };

/** The addresses in a line of JSON; undefined if the line is something else. */
export function readAddresses(line: string): CloudAddresses | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value = JSON.parse(line) as Partial<CloudAddresses>;
    return typeof value.control === 'string' && typeof value.ca === 'string' ? (value as CloudAddresses) : undefined;
  } catch {
    return undefined;
  }
}
