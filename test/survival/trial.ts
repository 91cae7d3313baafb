import { hasEnded, type Rotation } from '../../sandbox/run/contract';
import { Chance } from './chance';
import type { Ground } from './ground';
import { type ChainedRecord, readExport } from './history';
import type { OwnedStore } from './owned-store';
import type { Guard, Passing, SeenWrite } from './storage-front';

/** One store, one rotation of it, and what is done to it meanwhile. */
export class Trial {
  readonly name: string;
  readonly ground: Ground;
  readonly store: OwnedStore;
  readonly chance: Chance;
  /** Identifiers of versions, as records name them. */
  readonly previousKid: string;
  #rotationId = '';

  private constructor(ground: Ground, store: OwnedStore, seed: number) {
    this.name = store.name;
    this.ground = ground;
    this.store = store;
    this.chance = new Chance(seed);
    this.previousKid = store.keys.publicJwk(store.keys.refresh()[0] ?? '').kid;
  }

  static async prepare(ground: Ground, name: string, records: number, seed: number): Promise<Trial> {
    return new Trial(ground, await ground.store(name, records), seed);
  }

  get previousVersion(): string {
    return this.previousKid.split('/').at(-1) ?? '';
  }

  /** The version that the rotation has made; the previous one before there is another. */
  get nextVersion(): string {
    return this.store.keys.refresh().at(-1) ?? '';
  }

  get size(): number {
    return this.store.remembered.size;
  }

  /** Writes of this trial's records that came by, in their order. */
  get writes(): SeenWrite[] {
    return this.ground.front.seen.filter(({ table }) => table === this.name);
  }

  async begin(): Promise<void> {
    const body = { key: this.ground.keyOf(this.name), reason: 'survival' };
    const { rotationId } = await this.ground.app<{ rotationId: string }>('/api/rotations', body);
    this.#rotationId = rotationId;
  }

  rotation(): Promise<Rotation> {
    return this.ground.app<Rotation>(`/api/rotations/${this.#rotationId}`);
  }

  /** Waits until the rotation will not go on by itself. */
  async ended(): Promise<Rotation> {
    return this.#until(hasEnded);
  }

  async #until(holds: (rotation: Rotation) => boolean): Promise<Rotation> {
    for (;;) {
      const rotation = (await this.ground.rotations()).find(({ rotationId }) => rotationId === this.#rotationId);
      if (rotation !== undefined && holds(rotation)) return rotation;
    }
  }

  /** An operator gives a command to a rotation that has stopped; answered once it runs again. */
  async goOn(command: 'resume'): Promise<void> {
    await this.ground.app(`/api/rotations/${this.#rotationId}/${command}`, {});
    await this.#until((rotation) => !hasEnded(rotation));
  }

  /** The whole history of the trial's key, as exported. */
  async history(): Promise<ChainedRecord[]> {
    const query = new URLSearchParams({ key: this.ground.keyOf(this.name) });
    return readExport(textOf(await this.ground.app(`/api/audit?${query}`)));
  }

  /** What the app says of it. */
  async historyVerifies(): Promise<boolean> {
    const query = new URLSearchParams({ key: this.ground.keyOf(this.name) });
    return (await this.ground.app<{ ok: boolean }>(`/api/audit/verify?${query}`)).ok;
  }

  /** Looks at what this trial's app writes into its records; `count` tells how many records it has tried to write so far. */
  onWrite(guard: (passing: Passing, count: number) => ReturnType<Guard>): () => void {
    let count = 0;
    return this.ground.front.guard((passing) => {
      const mine = passing.writes.filter(({ table }) => table === this.name);
      if (mine.length === 0) return undefined;
      count += mine.length;
      return guard({ ...passing, writes: mine }, count);
    });
  }

  /** Does something while the write that brings the records to so many is held. @returns what resolves when it is done */
  whenReached(count: number, deed: () => Promise<unknown>): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const stop = this.onWrite(async (_, soFar) => {
      if (soFar < count) return undefined;
      stop();
      await deed().then(() => resolve(), reject);
      return undefined;
    });
    return promise;
  }
}

/** One line of NDJSON alone is JSON, and was parsed as such. */
function textOf(body: unknown): string {
  return typeof body === 'string' ? body : JSON.stringify(body);
}
