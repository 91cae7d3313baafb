import type { Chance } from '../../survival/chance';
import type { Asked, Said } from './client';
import { begin, type ErrandInput, type Step } from './errand';

/** What became of an attempt: over, to be made again (nobody knows what the last one did), or not possible yet. */
type Attempt = 'done' | 'unknown' | 'not yet';
type Act = () => Promise<Attempt>;

/** An instance as the test meets it: what is still to be done to it, one thing after the other. */
export class Unit {
  readonly id: string;
  /** The news it was sent, in order. */
  readonly sent: string[] = [];
  /** How often nobody answered a piece of news. */
  readonly unanswered = new Map<string, number>();
  readonly problems: string[] = [];
  private readonly client: Asked;
  private readonly acts: Act[] = [];

  constructor(id: string, client: Asked) {
    this.id = id;
    this.client = client;
  }

  /** Whether the test starts it itself. */
  starts = false;

  get left(): number {
    return this.acts.length;
  }

  /** Makes the next attempt. @returns false if it has to wait */
  async act(): Promise<boolean> {
    const attempt = await this.acts[0]?.();
    if (attempt === 'done') this.acts.shift();
    return attempt !== 'not yet';
  }

  /** @param mark tells this start from others of the same id @param others further starts that are made at the same moment */
  start(steps: readonly Step[], mark: string, ...others: readonly string[]): void {
    let tries = 0;
    this.starts = true;
    this.acts.push(async () => {
      if (tries++ > 0) {
        const found = await this.client.ask('GET', `instances/${this.id}?showInput=false`);
        if (found === undefined) return 'unknown';
        if (found.status !== 404) return 'done';
      }
      const marks = [mark, ...others];
      const answers = await Promise.all(marks.map((one) => this.post(begin(one, steps))));
      const known = answers.filter((answer) => answer !== undefined);
      for (const { status } of known) {
        if (status === 202 || (status === 409 && (marks.length > 1 || tries > 1))) continue;
        this.problems.push(`${this.id}: a start was answered ${status}`);
      }
      return known.length > 0 ? 'done' : 'unknown';
    });
  }

  /** @param mayBeMissing whether it is created by another, some time */
  news(value: string, mayBeMissing: boolean): void {
    this.acts.push(async () => {
      if (!this.sent.includes(value)) this.sent.push(value);
      const said = await this.event('news', value);
      const doubts = this.unanswered.get(value) ?? 0;
      if (said === undefined) {
        this.unanswered.set(value, doubts + 1);
        return 'unknown';
      }
      if (said.status === 404 && mayBeMissing) return 'not yet';
      // It has ended, so it has had all its news: an attempt that nobody answered must have reached it.
      if (said.status === 410 && doubts > 0) return 'done';
      if (said.status !== 202) this.problems.push(`${this.id}: the news ${value} were answered ${said.status}`);
      return 'done';
    });
  }

  /** An event for a race that may be over, or in another instance that is not there. */
  go(): void {
    this.acts.push(async () => ((await this.event('go', {})) === undefined ? 'unknown' : 'done'));
  }

  pause(): void {
    this.acts.push(
      async () => this.known(await this.client.ask('POST', `instances/${this.id}/suspend?reason=x`), [202, 410, 500]),
      async () => (['Suspended', 'Completed', 'Failed'].includes(await this.status()) ? 'done' : 'not yet'),
    );
    let asked = false;
    this.acts.push(async () => {
      // Only if it is still suspended: a second one would be refused if the first has worked.
      const status = asked ? await this.status() : 'Suspended';
      if (status === '') return 'unknown';
      if (status !== 'Suspended') return 'done';
      asked = true;
      return this.known(await this.client.ask('POST', `instances/${this.id}/resume?reason=x`), [202, 410]);
    });
  }

  terminate(): void {
    this.acts.push(async () =>
      this.known(await this.client.ask('POST', `instances/${this.id}/terminate?reason=enough`), [202, 410]),
    );
  }

  private known(said: Said, usual: readonly number[]): Attempt {
    if (said === undefined) return 'unknown';
    if (!usual.includes(said.status)) this.problems.push(`${this.id}: answered ${said.status}`);
    return 'done';
  }

  /** @returns an empty text if nobody answered */
  private async status(): Promise<string> {
    const said = await this.client.ask('GET', `instances/${this.id}?showInput=false`);
    return (said?.body as { runtimeStatus?: string } | undefined)?.runtimeStatus ?? '';
  }

  private post(input: ErrandInput): Promise<Said> {
    return this.client.ask('POST', `orchestrators/errand/${this.id}`, input);
  }

  private event(name: string, value: unknown): Promise<Said> {
    return this.client.ask('POST', `instances/${this.id}/raiseEvent/${name}`, value);
  }
}

/**
 * Does what is left to do to all units, so many at a time, in a random order between them: most of the starts first, so that many are
 * in flight together.
 */
export async function workThrough(
  units: readonly Unit[],
  chance: Chance,
  atOnce: number,
  tick: () => Promise<void>,
): Promise<void> {
  const fresh = units.filter((unit) => unit.left > 0 && unit.starts);
  const ready = units.filter((unit) => unit.left > 0 && !unit.starts);
  const waiting: Unit[] = [];
  let acts = 0;
  const pick = (): Unit | undefined => {
    const from = ready.length === 0 || (fresh.length > 0 && chance.next() < 0.9) ? fresh : ready;
    const index = chance.between(0, from.length - 1);
    const unit = from[index];
    const last = from.pop();
    if (unit !== last && last !== undefined) from[index] = last;
    return unit;
  };
  const worker = async (): Promise<void> => {
    for (;;) {
      const unit = pick();
      if (unit === undefined && waiting.length === 0) return;
      const went = await unit?.act();
      if (unit !== undefined && unit.left > 0) (went === true ? ready : waiting).push(unit);
      if (unit !== undefined && ++acts % 100 > 0) continue;
      ready.push(...waiting.splice(0));
      await tick();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
