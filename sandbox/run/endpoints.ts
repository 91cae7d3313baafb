import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../kit';

/** Where everything is, for programs outside: the members of `.sandbox/endpoints.json`, these and no others. */
export interface Endpoints {
  /** The app's own address, `http://…`. */
  app: string;
  vaults: Record<string, string>;
  arm: string;
  eventGrid: string;
  hubs: Record<string, string>;
  dps: Record<string, string>;
  table: string;
  blob: string;
  /** Connection string of the storage account. */
  storage: string;
  dataKeysTable: string;
  /** PEM file of the certificate authority. */
  ca: string;
  /** Issues local tokens: `GET <token>?identity=<name>&resource=<audience>`. */
  token: string;
}

/**
 * The file `endpoints.json`. With several sandboxes side by side it tells of the latest; each also has one of its own in its
 * run folder.
 */
export class EndpointsFile {
  readonly #files: string[];
  #written: string | undefined;

  /** @param root `.sandbox` in the checkout */
  constructor(root: string, runFolder: string) {
    this.#files = [join(root, 'endpoints.json'), join(runFolder, 'endpoints.json')];
  }

  get path(): string {
    return this.#files[0] ?? '';
  }

  /** Each as a whole: a reader finds a complete file or none. */
  write(endpoints: Endpoints): void {
    this.#written = `${JSON.stringify(endpoints, null, 2)}\n`;
    for (const file of this.#files) replaceFile(file, this.#written);
  }

  /** Removes what this run wrote, and leaves what a later one has written since. May be called at any moment, and again. */
  remove(): void {
    if (this.#written === undefined) return;
    for (const file of this.#files) if (read(file) === this.#written) rmSync(file, { force: true });
    this.#written = undefined;
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
