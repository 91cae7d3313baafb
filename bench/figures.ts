/** One measured figure. A figure without a bar is published, not judged. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What the figure has to keep to on a machine of its own: at least, or at most. */
  readonly bar?: { readonly atLeast: number } | { readonly atMost: number };
}

/** One benchmark's answer: `about` says in a line what was done. */
export interface Measured {
  readonly about: string;
  readonly figures: readonly Figure[];
  /** Lines for people that no figure can say. */
  readonly notes?: readonly string[];
}

export interface Choice {
  /** Also what takes an hour. */
  readonly full: boolean;
}

export interface Benchmark {
  readonly name: string;
  readonly title: string;
  run(say: (progress: string) => void, choice: Choice): Promise<Measured>;
}

/** Nearest-rank percentile; NaN of nothing. @param share between 0 and 1 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** Undefined where there is no bar. */
export function keepsBar({ value, bar }: Figure): boolean | undefined {
  if (bar === undefined) return undefined;
  return 'atLeast' in bar ? value >= bar.atLeast : value <= bar.atMost;
}

/** Lines for people: name, value, unit, and what was asked for. */
export function table(figures: readonly Figure[]): string[] {
  const values = figures.map(({ value }) => rounded(value));
  const names = Math.max(...figures.map(({ name }) => name.length));
  const digits = Math.max(...values.map((value) => value.length));
  return figures.map((figure, index) => {
    const value = (values[index] ?? '').padStart(digits);
    return `  ${figure.name.padEnd(names)}  ${value} ${figure.unit}${barText(figure)}`;
  });
}

function barText(figure: Figure): string {
  const { bar } = figure;
  if (bar === undefined) return '';
  const wanted = 'atLeast' in bar ? `at least ${bar.atLeast}` : `at most ${bar.atMost}`;
  return `   (${wanted}: ${keepsBar(figure) ? 'yes' : 'NO'})`;
}

/** Three significant digits below a hundred, whole numbers above. */
function rounded(value: number): string {
  if (!Number.isFinite(value)) return '-';
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}
