import { searchText } from '../secrets/secret-search';
import type { Sandbox } from './bring-up';
import type { Screen } from './screen';
import { haveItSayAll } from './secrets';

/** The search for key material at the end of a run, however it ends: once while everything is up, once when nothing writes any more. */
export class SearchedRun {
  readonly #screen: Screen;
  #sandbox: Sandbox | undefined;
  #complete = true;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** From now on there is something to search. */
  of(sandbox: Sandbox): void {
    this.#sandbox = sandbox;
  }

  /** @param broken whether a part of the sandbox has ended by itself, so that what it holds can be read from its files alone */
  async lookWhileUp(broken: boolean): Promise<void> {
    const sandbox = this.#sandbox;
    if (sandbox === undefined) return;
    const { wire, host, key, search } = sandbox;
    // A scenario may leave the app away, or refused; what it has said so far is searched all the same.
    await haveItSayAll({ wire, app: host.url, key }).catch(() => undefined);
    await search.searchLive().catch((error: Error) => {
      if (!broken) this.#tell(`  - storage and alerts could not be searched: ${error.message}`);
      this.#complete &&= broken;
    });
  }

  /** Searches the files of the run and tells what came of it all. @returns whether nothing was found, and all could be searched */
  isClean(): boolean {
    const search = this.#sandbox?.search;
    if (search === undefined) return true;
    search.searchFiles();
    const { report } = search;
    this.#tell(`Secrets: ${searchText(report)}`, ...report.problems.map((problem) => `  - ${problem}`));
    return this.#complete && report.problems.length === 0;
  }

  #tell(...lines: readonly string[]): void {
    this.#screen.print(lines);
  }
}
