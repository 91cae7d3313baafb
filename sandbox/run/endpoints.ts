import { readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readFileIfThere, replaceFile } from '../kit';
import { isRunning } from './run-folder';

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
 * The file `endpoints.json`. With several sandboxes side by side it tells of the latest that is up; each also has one of its own
 * in its run folder.
 */
export class EndpointsFile {
  readonly path: string;
  readonly #own: string;
  readonly #runs: string;
  #written: string | undefined;

  /** @param root `.sandbox` in the checkout */
  constructor(root: string, runFolder: string) {
    this.path = join(root, 'endpoints.json');
    this.#own = join(runFolder, 'endpoints.json');
    this.#runs = dirname(runFolder);
  }

  /** Each as a whole: a reader finds a complete file or none. */
  write(endpoints: Endpoints): void {
    this.#written = `${JSON.stringify(endpoints, null, 2)}\n`;
    for (const file of [this.#own, this.path]) replaceFile(file, this.#written);
  }

  /**
   * Removes what this run wrote; if another sandbox is still up, the file tells of that one again. What a later run has written
   * stays. May be called at any moment, and again.
   */
  remove(): void {
    if (this.#written === undefined) return;
    rmSync(this.#own, { force: true });
    if (readFileIfThere(this.path) === this.#written) {
      const other = this.#latestOther();
      if (other === undefined) rmSync(this.path, { force: true });
      else replaceFile(this.path, other);
    }
    this.#written = undefined;
  }

  #latestOther(): string | undefined {
    const others = readdirSync(this.#runs)
      .sort()
      .map((name) => join(this.#runs, name))
      .filter((folder) => folder !== dirname(this.#own) && isRunning(folder))
      .map((folder) => readFileIfThere(join(folder, 'endpoints.json')));
    return others.findLast((content) => content !== undefined);
  }
}
