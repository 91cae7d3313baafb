import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Chance } from '../../survival/chance';
import { Client } from './client';
import { expected } from './errand';
import { judge, type Left, type Verdict } from './judgement';
import { Lives } from './lives';
import { remainder } from './remainder';
import { makeRoots, type Root, unitsOf } from './roots';
import { type Unit, workThrough } from './units';

export interface Size {
  readonly instances: number;
  readonly kills: number;
}

interface Listed extends Left {
  readonly instanceId: string;
}

/** What a trial has seen, for whoever reads its log. */
export interface Summary extends Verdict {
  readonly seed: number;
  readonly instances: number;
  /** Instances that had not ended when the host was killed, at the kill with most of them. */
  readonly mostInFlight: number;
  readonly kills: { readonly inside: number; readonly outside: number };
  readonly seconds: number;
}

const MINUTE = 60_000;
const requestsAtOnce = 32;
/** Milliseconds between two looks at a host that is busy; after so many without any change it is said to hang. */
const pause = 5;
const patience = 2000;

/** One host, thousands of errands, and kills among them. */
export class Trial {
  private readonly chance: Chance;
  private readonly lives: Lives;
  private readonly client: Client;
  private readonly roots: readonly Root[];
  private readonly units: readonly Unit[];
  private offset = 0;

  constructor(seed: number, { instances, kills }: Size) {
    this.chance = new Chance(seed);
    this.lives = new Lives(new Chance(seed + 1), kills);
    this.client = new Client(this.lives);
    this.roots = makeRoots(this.chance, instances);
    this.units = this.roots.flatMap((root) => unitsOf(root, this.client, this.chance));
  }

  /** @returns what is not as it must be, and what was seen */
  async run(): Promise<{ readonly problems: readonly string[]; readonly summary: Summary }> {
    const began = Date.now();
    const living = this.lives.run(() => this.toDo());
    // A host that fails ends the trial at once: nobody would answer any more.
    await Promise.race([this.drive(), living.then(() => new Promise<never>(() => undefined))]);
    await living;
    const listed = await this.list();
    await this.client.close();
    await this.lives.end();
    const seconds = Math.round((Date.now() - began) / 100) / 10;
    return this.judge(listed, seconds);
  }

  private judge(listed: readonly Listed[], seconds: number): { problems: readonly string[]; summary: Summary } {
    const { roots, units, lives } = this;
    const found = new Map(listed.map((one) => [one.instanceId, one]));
    const { problems, verdict } = judge({
      ...{ roots, units, found: (id) => found.get(id), journal: lives.host.journal() },
      deaths: lives.over.map(({ uncommitted }) => uncommitted),
    });
    const live = listed.filter(({ runtimeStatus }) => !['Completed', 'Terminated'].includes(runtimeStatus));
    const summary = {
      ...{ seed: this.chance.seed, instances: listed.length, seconds, ...verdict },
      mostInFlight: Math.max(...lives.over.map(({ inFlight }) => inFlight)),
      kills: { inside: lives.kills('inside'), outside: lives.kills('outside') },
    };
    const notEnded = live.map(({ instanceId, runtimeStatus }) => `${instanceId} is ${runtimeStatus}`);
    return { problems: [...problems, ...notEnded, ...lives.read(remainder)], summary };
  }

  /** @param keep leaves what is on disk, and says where */
  async dispose(keep: boolean): Promise<void> {
    const { host } = this.lives;
    if (!keep) return host.dispose();
    await host.kill();
    process.stderr.write(`What the host has left is in ${host.directory}\n`);
  }

  private async drive(): Promise<void> {
    await workThrough(this.units, this.chance, requestsAtOnce, () =>
      this.advance(this.offset + this.chance.between(0, MINUTE)),
    );
    for (;;) {
      await this.comeToRest();
      const life = await this.lives.alive();
      if (life.isLast) return;
      // A kill that was planned for later than the end of the work.
      await this.lives.kill(life);
      await life.over.promise;
    }
  }

  private toDo(): { readonly points: number; readonly answers: number } {
    const done = new Set(this.lives.host.journal()).size;
    const all = this.roots.reduce((sum, { steps }) => sum + expected(steps).activities, 0);
    const answers = this.units.reduce((sum, unit) => sum + unit.left, 0);
    // Each activity passes two points, and so does about each step of an orchestration.
    return { points: Math.max(0, 4 * (all - done)), answers };
  }

  /** Lets everything happen that can, and every timer fire. @throws Error if the host goes on for ever about nothing */
  private async comeToRest(): Promise<void> {
    let sequence = -1;
    for (let same = 0; ; same++) {
      const said = await this.client.admin('GET', 'clock');
      if (said === undefined) continue;
      const clock = said.body as { inFlight: number; sequence: number; nextDue: string | null };
      if (clock.sequence !== sequence) same = 0;
      sequence = clock.sequence;
      if (same > patience) throw new Error(`The host hangs: ${JSON.stringify(clock)}`);
      if (clock.inFlight > 0) await sleep(pause);
      else if (clock.nextDue === null) return;
      else await this.advance(Math.max(this.offset + 1, Date.parse(clock.nextDue) - Date.now() + 1));
    }
  }

  /** The file first: after a kill the host reads it, and its clock must not go back. */
  private async advance(offset: number): Promise<void> {
    this.offset = Math.max(this.offset, offset);
    const body = { offsetMilliseconds: this.offset };
    const file = join(this.lives.host.directory, 'clock.json');
    writeFileSync(`${file}.new`, JSON.stringify(body));
    renameSync(`${file}.new`, file);
    await this.client.admin('POST', 'clock', body);
  }

  private async list(): Promise<readonly Listed[]> {
    const said = await this.client.ask('GET', 'instances/?top=1000000&showInput=false');
    return said?.body as Listed[];
  }
}
