import { block, coloured, type Paint, plain } from './block';
import { changes, type Line, type RunView, stamp } from './view';

/** Where a person watches: plain lines in a log, or a block that repaints itself in a terminal. */
export interface Screen {
  readonly paint: Paint;
  /** A line that stays. */
  say(about: string, text: string): void;
  /** Lines that stay, as they are. */
  print(lines: readonly string[]): void;
  show(view: RunView): void;
  /** The rotation is over: what is on the screen stays. */
  settle(): void;
  /** Leaves the terminal as it was found; may be called at any moment, and again. Only `print` says anything after it. */
  restore(): void;
}

type Output = Pick<NodeJS.WriteStream, 'write'> & Partial<Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>>;

/** @param environment `NO_COLOR` (https://no-color.org) and a `TERM` that cannot move its cursor are respected */
export function createScreen(output: Output, environment: { NO_COLOR?: string; TERM?: string }): Screen {
  if (output.isTTY !== true || environment.TERM === 'dumb') return new PlainScreen(output);
  return new LiveScreen(output, environment.NO_COLOR ? plain : coloured);
}

/** Above the two columns of times. */
const TITLE = `[${'machine'.padStart(9)} | ${'sandbox'.padStart(11)}]`;
const NO_TIMES = ' '.repeat(TITLE.length);

/** One line per change, each with both clocks. */
class PlainScreen implements Screen {
  readonly paint = plain;
  readonly #output: Output;
  #last: RunView | null = null;
  #over = false;

  constructor(output: Output) {
    this.#output = output;
  }

  say(about: string, text: string): void {
    if (!this.#over) this.#output.write(`${lineText(this.#last, { about, text })}\n`);
  }

  print(lines: readonly string[]): void {
    for (const line of lines) this.#output.write(`${line}\n`);
  }

  show(view: RunView): void {
    if (this.#over) return;
    if (this.#last === null) this.#output.write(`${TITLE}\n`);
    for (const line of changes(this.#last, view)) this.#output.write(`${lineText(view, line)}\n`);
    this.#last = view;
  }

  settle(): void {}

  restore(): void {
    this.#over = true;
  }
}

/** A line of the plain mode; without times before there is anything to be timed. */
function lineText(view: RunView | null, line: Line): string {
  return `${view === null ? NO_TIMES : stamp(view)} ${line.about.padEnd(9)} ${line.text}`;
}

const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';
const CLEAR_BELOW = '\x1b[0J';

class LiveScreen implements Screen {
  readonly paint: Paint;
  readonly #output: Output;
  #block: string[] = [];
  #hidden = false;
  #over = false;

  constructor(output: Output, paint: Paint) {
    this.#output = output;
    this.paint = paint;
  }

  say(about: string, text: string): void {
    if (!this.#over) this.#repaint([`  ${this.paint.faint(about.padEnd(9))} ${text}`], this.#block);
  }

  print(lines: readonly string[]): void {
    this.#repaint(lines, this.#block);
  }

  show(view: RunView): void {
    if (this.#over) return;
    if (!this.#hidden) this.#output.write(HIDE_CURSOR);
    this.#hidden = true;
    // One column less than there are: a line that fills the last one makes some terminals wrap.
    this.#repaint([], block(view, (this.#output.columns || 80) - 1, this.paint));
  }

  settle(): void {
    this.#block = [];
    this.#showCursor();
  }

  /** A look that was under way when somebody pressed Ctrl-C comes back after it: it must not paint below what is said last. */
  restore(): void {
    this.#over = true;
    this.settle();
  }

  #showCursor(): void {
    if (this.#hidden) this.#output.write(SHOW_CURSOR);
    this.#hidden = false;
  }

  /** One write, so that nothing flickers: up to the old block's first line, clear, lines that stay, the new block. */
  #repaint(staying: readonly string[], next: string[]): void {
    const up = this.#block.length === 0 ? '\r' : `\x1b[${this.#block.length}A\r`;
    const text = [...staying, ...next].map((line) => `${line}\n`).join('');
    this.#output.write(`${up}${CLEAR_BELOW}${text}`);
    this.#block = next;
  }
}
