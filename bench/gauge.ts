import { join } from 'node:path';
import type { Wire } from '../sandbox/run/wire';
import type { Held, Used } from './apps/gauge';
import type { Shares } from './rewrap/profile';

export type { Held, Used } from './apps/gauge';

/** Asks a process that was started with `gaugeEnvironment`. */
export class Gauge {
  readonly #wire: Wire;
  readonly #address: string;

  constructor(wire: Wire, port: number) {
    this.#wire = wire;
    this.#address = `http://127.0.0.1:${port}/`;
  }

  used(): Promise<Used> {
    return this.#wire.ask<Used>(this.#address);
  }

  /** After a full collection, which takes as long as the heap is large. */
  held(): Promise<Held> {
    return this.#wire.ask<Held>(this.#address, { method: 'PUT' });
  }

  async startProfile(): Promise<void> {
    await this.#wire.ask(this.#address, { method: 'POST' });
  }

  stopProfile(): Promise<Shares> {
    return this.#wire.ask<Shares>(this.#address, { method: 'DELETE' });
  }
}

/** @param flags of V8, beside the gauge */
export const gaugeEnvironment = (port: number, flags: readonly string[] = []): NodeJS.ProcessEnv => ({
  NODE_OPTIONS: [...flags, `--require=${join(__dirname, 'apps', 'gauge.js')}`].join(' '),
  GAUGE_PORT: String(port),
});
