import type { Rotation } from '../../shared/contracts/rotation';
import { alertIdOf } from '../../shared/rotation/alerting';
import { FaultError } from '../../shared/rotation/errors';
import type { UntoldEnd } from '../../shared/rotation/ports';
import type { Call, Edge } from '../edges/with-edges';
import { calling } from '../edges/with-edges';
import { Agenda } from './agenda';
import { type Answer, AppProcess, type Invocation, never, type Request } from './app-process';
import { type Cloud, kek, kidsIn, makeCloud, portsOf, type Seed } from './cloud';
import { configurationOf, roles, type Settings } from './configured';
import { DurableEngine, isLive } from './durable-engine';
import { Judge } from './invariants';
import { Reader } from './reader';

export interface Given extends Settings, Seed {
  /** Histories are verified every night and ended instances purged every hour, too. */
  readonly everyTimer?: boolean;
}

const startsAt = Date.parse('2026-11-22T12:00:00.000Z');
const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
/** How long a call takes. */
const callMilliseconds = { read: 5, effect: 20 } as const;
const restartMilliseconds = 5 * second;
/** Event Grid tries again so long after a delivery that failed. */
const redeliverMilliseconds = 10 * second;
interface Recurring {
  readonly every: number;
  /** After the beginning; as late as between two of them unless told. */
  readonly first?: number;
}
const timers: Readonly<Record<string, Recurring>> = { sweep: { every: 15 * minute }, deliverAlerts: { every: minute } };
/** The night's is at 02:41. */
const furtherTimers: Readonly<Record<string, Recurring>> = {
  purgeEndedInstances: { every: hour },
  verifyHistories: { every: 24 * hour, first: 14 * hour + 41 * minute },
};
/** Turns of the event loop that anything but a call may take; what takes longer waits for something that does not come. */
const mostTurns = 50;

/**
 * A whole Keyturn in virtual time within this process: the real composition, activities, orchestrators and triggers over the fakes of the cloud
 * and a durable engine in memory. The clock stands while something is under way, and jumps to what is due next.
 */
export class Simulation {
  readonly agenda = new Agenda(startsAt);
  readonly engine = new DurableEngine(this.agenda);
  readonly cloud: Cloud;
  readonly judge: Judge;
  readonly reader: Reader;
  /** What the app has logged. */
  readonly logged: string[] = [];
  /** Comes between the app and the cloud at every call; a simulation's driver puts its own here. */
  edge: Edge = (_call, go) => go();
  kills = 0;
  /** By how much the app's own clock is wrong, in milliseconds; below 0 it is behind. The engine's and the services' are right. */
  appClockWrongBy = 0;
  readonly #given: Given;
  #process: AppProcess;
  /** Calls that are on the wire: of a process that was killed too. */
  #onWire = 0;
  readonly #started = new Set<unknown>();
  #events = 0;

  constructor(given: Given = {}) {
    this.#given = given;
    const at = (when: Date, run: () => void) => this.agenda.at(when.getTime(), run, { matters: false });
    this.cloud = makeCloud({ now: () => this.now(), at }, given);
    this.judge = new Judge(this);
    this.reader = new Reader(this.cloud, (what) => this.judge.sawFailedRead(what));
    this.#process = this.#startProcess();
    const recurring = given.everyTimer === true ? { ...timers, ...furtherTimers } : timers;
    for (const [name, { every, first }] of Object.entries(recurring)) this.#tick(name, every, first);
  }

  now(): Date {
    return new Date(this.agenda.now);
  }

  // --- What people, events and accidents do ------------------------------------------------------------------------------

  /** Ends the process at this instant, as `kill -9` does; a new one starts seconds later. For an edge, which returns what this answers. */
  kill(): Promise<never> {
    if (!this.#process.isDead) {
      this.kills += 1;
      this.#process.kill();
      this.#started.clear();
      this.agenda.in(restartMilliseconds, () => {
        this.#process = this.#startProcess();
      });
    }
    return never();
  }

  /** The answer of a call is lost on its way, as far as a caller can tell. */
  lose(): never {
    throw new FaultError('connection-reset', 'The connection was reset before an answer came.');
  }

  /** Event Grid delivers an event until it is taken. @returns its id */
  deliver(type: string, kid: string, { id = `event-${++this.#events}`, afterSeconds = 0 } = {}): string {
    const [, vault = '', name = '', version = ''] = /^https:\/\/([\w-]+)\.[^/]+\/keys\/([^/]+)\/(.+)$/.exec(kid) ?? [];
    const time = this.now().toISOString();
    const event = {
      ...{ id, eventType: `Microsoft.KeyVault.${type}`, subject: name, eventTime: time, topic: '', dataVersion: '1' },
      data: { Id: kid, VaultName: vault, ObjectType: 'Key', ObjectName: name, Version: version, NBF: null, EXP: null },
    };
    this.#deliverAt(this.agenda.now + afterSeconds * second, event);
    return id;
  }

  /** Begins a request of a person's, who goes on with something else. @param who null: nobody is signed in */
  begin(route: string, request: Request = {}, who: string | null = 'ann'): Promise<Answer> {
    const process = this.#process;
    if (process.isDead) return Promise.resolve(lost);
    const headers = this.#given.signIn === true && who !== null ? signedInAs(who) : {};
    return new Promise((resolve) => {
      process
        .http(route, { ...request, headers: { ...headers, ...request.headers } })
        .then(resolve, () => resolve(lost));
      this.#orWhenDead(process, () => resolve(lost));
    });
  }

  /** A request, and what came of it. */
  async ask(route: string, request: Request = {}, who: string | null = 'ann'): Promise<Answer> {
    await this.runUntil(() => !this.#process.isDead);
    let answer: Answer | null = null;
    void this.begin(route, request, who).then((came) => {
      answer = came;
    });
    await this.runUntil(() => answer !== null);
    return answer ?? lost;
  }

  /** Lets a timer trigger begin now, while whatever else goes on; nobody is there for one while the process is dead. */
  fire(name: string): void {
    if (!this.#process.isDead) this.#process.timer(name).catch(() => undefined);
  }

  /** Lets a timer trigger run now, to its end. */
  async tick(name: string): Promise<void> {
    await this.runUntil(() => !this.#process.isDead);
    const process = this.#process;
    let ended = false;
    const end = (): void => {
      ended = true;
    };
    process.timer(name).then(end, end);
    await this.runUntil(() => ended || process.isDead);
  }

  // --- Going on ------------------------------------------------------------------------------------------------------------

  /** @returns whether it was done within so many hours of virtual time */
  async runUntil(done: () => boolean, { hours = 72 }: { readonly hours?: number } = {}): Promise<boolean> {
    const until = this.agenda.now + hours * hour;
    for (;;) {
      await this.#quieten();
      if (done()) return true;
      if (!this.#process.isDead) {
        if (this.engine.hasTurns) {
          await this.engine.turn();
          continue;
        }
        if (this.#startTasks()) continue;
      }
      if (this.agenda.next > until || !this.agenda.jump()) return false;
    }
  }

  /** Whether nothing goes on any more by itself: every run has ended or waits for a person, and everything was told. */
  isAtRest = (): boolean => {
    if (this.#process.isDead || this.#process.isBusy || this.engine.hasTurns || this.engine.tasks.size > 0)
      return false;
    if ([...this.engine.instances.values()].some(isLive) || this.cloud.outbox.owed().length > 0) return false;
    if (this.agenda.hasBusiness) return false;
    const { claim, events } = this.cloud.ledger.look(kek);
    if (events.some((event) => !event.started && !this.#wasStarted(event.instanceId))) return false;
    if (claim?.untold?.some((end) => !this.#wasTold(end))) return false;
    return claim === null || claim.rotationId === null || (claim.phase === 'needs-attention' && claim.bound);
  };

  /** What came of an event may be there although nobody could note it: the note was lost, and nobody comes back to make it. */
  #wasStarted(instanceId: string): boolean {
    return this.engine.instances.has(instanceId) || this.cloud.history.rotations.has(instanceId);
  }

  #wasTold(end: UntoldEnd): boolean {
    const id = alertIdOf({ key: kek, ...end }, end.alert);
    return this.cloud.auditLog.told(kek).some(({ details }) => details['alertId'] === id);
  }

  /** Runs on until it is at rest. @returns false if it does not come to rest */
  settle = (hours = 72): Promise<boolean> => this.runUntil(this.isAtRest, { hours });

  /** The rotations as the history shows them, oldest first. */
  get rotations(): readonly Rotation[] {
    return [...this.cloud.history.rotations.values()].sort((a, b) => (a.requestedAt < b.requestedAt ? -1 : 1));
  }

  /** Which version of the KEK each target stands on; of the store each that a record names. */
  get standing(): Readonly<Record<string, readonly string[]>> {
    const [hub, dps] = this.cloud.services;
    const dataKeys = [...new Set(this.cloud.store.all().map(({ kid }) => kid))];
    return { iotHub: kidsIn(hub.body), dps: kidsIn(dps.body), dataKeys };
  }

  // -----------------------------------------------------------------------------------------------------------------------

  #startProcess(): AppProcess {
    const ports = portsOf(this.cloud, { seals: this.#given.seals === true });
    return new AppProcess({
      ...{ configuration: configurationOf(this.#given), azure: ports, engine: this.engine, agenda: this.agenda },
      now: () => new Date(this.agenda.now + this.appClockWrongBy),
      log: (sentence) => this.logged.push(sentence),
      edge: (call, go) => this.#cross(call, go),
    });
  }

  async #cross<T>(call: Call, go: () => Promise<T>): Promise<T> {
    this.agenda.pass(callMilliseconds[call.kind]);
    this.judge.asked(call);
    return this.edge(call, () => this.#send(call, go));
  }

  /** A call has got through to the service. What it does there is seen by the judge and the reader. */
  async #send<T>(call: Call, go: () => Promise<T>): Promise<T> {
    const invocation = calling.getStore() as Invocation;
    if (call.port === 'resourceManager') this.cloud.listed.refresh(this.cloud.services);
    this.#onWire += 1;
    const isEffect = call.kind === 'effect';
    if (isEffect) this.judge.before(call, invocation);
    try {
      const answer = await go();
      if (isEffect) this.judge.after(call, invocation, answer);
      else this.judge.saw(call, invocation, answer);
      if (call.port === 'keyVault' && call.method === 'createVersion') {
        this.deliver('KeyNewVersionCreated', (answer as { kid: string }).kid, { afterSeconds: 2 });
      }
      return answer;
    } finally {
      if (isEffect) this.reader.readAll();
      this.#onWire -= 1;
    }
  }

  /** Lets everything go on that waits for nothing on the agenda. */
  async #quieten(): Promise<void> {
    for (let turns = 0, idle = 0; idle < 2 && turns < mostTurns; ) {
      await new Promise((resolve) => setImmediate(resolve));
      const calls = this.#onWire > 0 || this.#process.hasCalls;
      idle = calls || this.#process.isBusy ? 0 : idle + 1;
      turns = calls ? 0 : turns + 1;
    }
  }

  #startTasks(): boolean {
    const process = this.#process;
    const open = [...this.engine.tasks].filter((task) => !this.#started.has(task));
    for (const task of open) {
      this.#started.add(task);
      process.activity(task.name, JSON.parse(task.input), task.instance.id).then(
        (answer) => this.engine.completed(task, answer),
        (error: unknown) => {
          this.logged.push(`${task.name} failed: ${error instanceof Error ? error.stack : error}`);
          this.engine.failed(task, error);
        },
      );
    }
    return open.length > 0;
  }

  #deliverAt(instant: number, event: unknown): void {
    this.agenda.at(instant, () => {
      const process = this.#process;
      const again = (): void => this.#deliverAt(this.agenda.now + redeliverMilliseconds, event);
      if (process.isDead) return again();
      let answered = false;
      const end = (failed: boolean) => (): void => {
        if (!answered && failed) again();
        answered = true;
      };
      process.event(event).then(end(false), end(true));
      this.#orWhenDead(process, end(true));
    });
  }

  /** Whoever waits for a process's answer finds the connection closed when it dies. */
  #orWhenDead(process: AppProcess, then: () => void): void {
    void process.died.then(then);
  }

  #tick(name: string, every: number, first = every): void {
    this.agenda.in(
      first,
      () => {
        const hasWork = name !== 'deliverAlerts' || this.cloud.outbox.owed().length > 0;
        if (hasWork) this.fire(name);
        this.#tick(name, every);
      },
      { matters: false },
    );
  }
}

const lost: Answer = { status: 0, body: {} };

const signedInAs = (who: string): Readonly<Record<string, string>> => ({
  'x-ms-client-principal-id': who,
  'x-ms-client-principal-name': who,
  'x-ms-client-principal': Buffer.from(
    JSON.stringify({ claims: Object.values(roles).map((val) => ({ typ: 'roles', val })) }),
  ).toString('base64'),
});
