interface TestFile {
  readonly path: string;
}

/** For Jest: test files run in the order in which they were named, which is that of who is likely to see the guard. */
export default class InGivenOrder {
  readonly #order: ReadonlyMap<string, number>;

  constructor({ globalConfig }: { readonly globalConfig: { readonly nonFlagArgs: readonly string[] } }) {
    this.#order = new Map(globalConfig.nonFlagArgs.map((path, index) => [path, index]));
  }

  sort(tests: readonly TestFile[]): readonly TestFile[] {
    const place = ({ path }: TestFile): number => this.#order.get(path) ?? this.#order.size;
    return tests.toSorted((a, b) => place(a) - place(b));
  }

  cacheResults(): void {
    // The order is the same whatever was slow or failed last time.
  }
}
