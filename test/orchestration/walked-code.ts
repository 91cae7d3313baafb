import { Session } from 'node:inspector/promises';

/** A place in a story at which something is done or decided, and that was not walked. */
export interface Unwalked {
  readonly file: string;
  readonly function: string;
  readonly code: string;
}

/** What a story does, goes back with, or ends with; a rethrow of what nobody foresaw is no road of its own. */
const decision = /\b(?:yield\*?|return|continue|throw(?! \w+;))\b[^\n]*/g;
const comment = /\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;
/** Before this line is what the compiler puts in front of a module. */
const firstLineOfTheModule = /Object\.defineProperty\(exports, "__esModule"/;

interface Walked {
  readonly code: string;
  readonly within: string[];
  readonly seen: boolean[];
}

/**
 * Which code of the stories runs, told by V8's own counters, block by block. The modules must be loaded after it was started.
 * @param isStory whether a compiled file, by its path, is to be watched
 */
export class CodeWatch {
  readonly #session = new Session();
  readonly #walked = new Map<string, Walked>();
  readonly #isStory: (path: string) => boolean;

  constructor(isStory: (path: string) => boolean) {
    this.#isStory = isStory;
  }

  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post('Debugger.enable');
    await this.#session.post('Profiler.enable');
    await this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** What has not been walked since the start, whatever was asked before. */
  async unwalked(): Promise<readonly Unwalked[]> {
    const { result } = await this.#session.post('Profiler.takePreciseCoverage');
    for (const { scriptId, url, functions } of result) {
      if (!this.#isStory(url)) continue;
      const walked = await this.#of(scriptId, url);
      const counts = new Array<number>(walked.code.length).fill(0);
      for (const { functionName, ranges } of functions) {
        for (const { startOffset, endOffset, count } of ranges) counts.fill(count, startOffset, endOffset);
        const [{ startOffset = 0, endOffset = 0 } = {}] = ranges;
        if (functionName !== '') walked.within.fill(functionName, startOffset, endOffset);
      }
      for (const [at, count] of counts.entries()) if (count > 0) walked.seen[at] = true;
    }
    return [...this.#walked].flatMap(([url, walked]) => decisionsNotSeen(url, walked));
  }

  async stop(): Promise<void> {
    await this.#session.post('Profiler.stopPreciseCoverage');
    this.#session.disconnect();
  }

  async #of(scriptId: string, url: string): Promise<Walked> {
    const known = this.#walked.get(url);
    if (known !== undefined) return known;
    const { scriptSource: code } = await this.#session.post('Debugger.getScriptSource', { scriptId });
    const walked = {
      code: code.replaceAll(comment, (text) => ' '.repeat(text.length)),
      within: new Array<string>(code.length).fill(''),
      seen: new Array<boolean>(code.length).fill(false),
    };
    this.#walked.set(url, walked);
    return walked;
  }
}

function decisionsNotSeen(url: string, { code, within, seen }: Walked): readonly Unwalked[] {
  const file = url.split('/').slice(-2).join('/');
  const begins = code.search(firstLineOfTheModule);
  return [...code.matchAll(decision)]
    .filter(({ index }) => index > begins && seen[index] !== true)
    .map(({ index, 0: text }) => ({ file, function: within[index] ?? '', code: text.trim() }));
}
