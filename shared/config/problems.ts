/** One thing wrong with the configuration, told so that it can be put right without reading code. */
export interface Problem {
  /** The setting's name, or the path in rotation.json: `rotation.json keys[0].targets[1].probe`. */
  readonly setting: string;
  readonly problem: string;
  readonly whatToDo: string;
}

/** Every problem at once: the app does not start with half a configuration, and nobody should have to start it ten times. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    const lines = problems.map(({ setting, problem, whatToDo }) => `${setting}: ${problem}: ${whatToDo}`);
    const count = `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`;
    super(`Keyturn does not start: the configuration has ${count}.\n${lines.join('\n')}`);
    this.problems = problems;
    // Hosts print the stack. Where in the code a setting was read helps nobody to put it right.
    this.stack = this.message;
  }
}

/** Collects problems while the rest of the configuration is still being read. */
export class Problems {
  readonly found: Problem[] = [];

  add(setting: string, problem: string, whatToDo: string): null {
    this.found.push({ setting, problem, whatToDo });
    return null;
  }

  throwIfAny(): void {
    if (this.found.length > 0) throw new ConfigurationError(this.found);
  }
}

/** A setting's value as a message may show it: a short word as it is. Anything longer may be a secret that was put under the wrong name. */
export function shown(value: string): string {
  return /^[\w.-]{1,24}$/.test(value) ? `"${value}"` : 'what it holds';
}
