import { versionOf } from '../../shared/rotation/key-identifier';
import { type Call, type Caller, calling, type Edge } from '../edges/with-edges';
import { kek } from '../simulation/cloud';
import { isMutation } from '../simulation/mutation-rules';
import type { Simulation } from '../simulation/simulation';
import { doings, type Moved } from './deeds';
import { stageOf } from './places';
import {
  type BadCall,
  type Deed,
  type Fault,
  type Kill,
  type Moment,
  nameOf,
  type Oddity,
  type Outage,
  type Schedule,
} from './schedule';
import { away, badly, isAway, isChance, isTo, oddly, refuseForbidden } from './spoilt-calls';
import type { Tampered } from './tampering';
import { Waits } from './waits';

const minute = 60_000;
/** A mutation that began before a pause was on record may still be on its way for so long. */
const onItsWay = 2 * minute;

type Timed = Kill | Outage | Deed;
const isTimed = (fault: Fault): fault is Timed => 'at' in fault;

/** Makes a schedule happen: comes between the app and the cloud at every call, and knows what has struck. */
export class Director {
  /** Names of what has happened. */
  readonly struck = new Set<string>();
  readonly stages = new Set<string>();
  readonly moved: Moved[] = [];
  readonly shut = new Set<'iotHub' | 'dps'>();
  /** Records of the history that somebody tampered with. */
  readonly tampered: Tampered[] = [];
  /** What was seen to be wrong on the way. */
  readonly seen: string[] = [];
  readonly #simulation: Simulation;
  readonly #firstEvent: string;
  readonly #hasStore: boolean;
  readonly #waiting: Set<Timed>;
  readonly #spoilt: readonly (BadCall | Oddity)[];
  readonly #met = new Map<BadCall | Oddity, number>();
  readonly #calls = new Map<string, number>();
  readonly #takeBack = new Set<() => void>();
  readonly #outages = new Set<Outage['of']>();
  readonly #forbidden = new Set<string>();
  /** Functions under which somebody moved a target: what they looked at before is not so any more. */
  readonly #overtaken = new Set<Caller>();
  /** Versions that were disabled right after the last look at who refers to them, and right after somebody came to. */
  readonly raced = new Set<string>();
  readonly #waits: Waits;
  #excuses = 0;
  /** Since when a rotation is paused, by its id; null: since when everything is. */
  readonly #paused = new Map<string | null, number>();

  constructor(simulation: Simulation, { world, faults }: Schedule, firstEvent: string) {
    this.#simulation = simulation;
    this.#waits = new Waits(simulation, world, this.seen);
    this.#hasStore = world.targets.includes('dataKeys');
    this.#firstEvent = firstEvent;
    this.#waiting = new Set(faults.filter(isTimed));
    this.#spoilt = faults.filter((fault): fault is BadCall | Oddity => !isTimed(fault));
    simulation.edge = this.#edge;
  }

  /** From here on nothing goes wrong any more, and what can be is as it was. */
  heal(): void {
    this.#waiting.clear();
    for (const fault of this.#spoilt) this.#met.set(fault, Number.POSITIVE_INFINITY);
    for (const takeBack of [...this.#takeBack]) takeBack();
    this.#takeBack.clear();
  }

  readonly #edge: Edge = async (call, go) => {
    const stage = stageOf(this.#simulation);
    this.stages.add(stage);
    this.#refuseWhilePaused(call, stage);
    this.#noteRace(call);
    this.#waits.look(call);
    const number = (this.#calls.get(stage) ?? 0) + 1;
    this.#calls.set(stage, number);
    const due = [...this.#waiting].filter(({ at }) => isNow(at, stage, number));
    for (const fault of due) this.#waiting.delete(fault);
    for (const fault of due) this.#begin(fault);
    if (due.some(({ kind }) => kind === 'kill-before')) return this.#simulation.kill();
    const answer = await this.#answer(call, go);
    return due.some(({ kind }) => kind === 'kill-after') ? this.#simulation.kill() : answer;
  };

  async #answer<T>(call: Call, go: () => Promise<T>): Promise<T> {
    for (const of of this.#outages) if (isAway(of, call)) return away(of, call) as T;
    refuseForbidden(this.#forbidden, call);
    const fault = this.#spoilt.find((each) => this.#meets(each, call));
    if (fault === undefined) return go();
    this.struck.add(nameOf(fault));
    if (fault.kind === 'call') return badly(fault.answer, this.#simulation, call, go);
    return oddly(fault.kind, this.#simulation, call, go);
  }

  #meets(fault: BadCall | Oddity, call: Call): boolean {
    if (!(fault.kind === 'call' ? isTo(call, fault) : isChance(fault.kind, call))) return false;
    const met = (this.#met.get(fault) ?? 0) + 1;
    this.#met.set(fault, met);
    return met >= fault.nth && met < fault.nth + fault.times;
  }

  #begin(fault: Timed): void {
    this.struck.add(nameOf(fault));
    if (!('minutes' in fault)) return;
    if (fault.kind === 'outage') {
      this.#beginOutage(fault);
      return;
    }
    const by = calling.getStore();
    if (by !== undefined && fault.kind.startsWith('deployment-reverts')) this.#overtaken.add(by);
    const end = doings[fault.kind](
      {
        simulation: this.#simulation,
        firstEvent: this.#firstEvent,
        moved: this.moved,
        shut: this.shut,
        tampered: this.tampered,
        hasStore: this.#hasStore,
        forbid: (kid) => this.#forbid(kid),
        excuseReads: () => this.#excuseReads(),
        paused: (of, answered) => this.#notePause(of, answered),
        unpaused: (of, answered) => this.#noteGoingOn(of, answered),
      },
      fault.minutes,
    );
    if (end !== undefined) this.#after(fault.minutes, end);
  }

  /** Who needs the vault finds it away, be it the app or a service. */
  #beginOutage({ of, minutes }: Outage): void {
    const { vaults } = this.#simulation.cloud;
    const letServices = (away: boolean): void => {
      if (of === 'vault') for (const { forServices } of vaults) forServices.away = away;
    };
    this.#outages.add(of);
    letServices(true);
    this.#after(minutes, () => {
      this.#outages.delete(of);
      letServices(false);
    });
  }

  #forbid(kid: string): () => void {
    const version = versionOf(kid) ?? '';
    const { forServices } = this.#simulation.cloud.vault;
    this.#forbidden.add(kid);
    forServices.forbidden.add(version);
    return () => {
      this.#forbidden.delete(kid);
      forServices.forbidden.delete(version);
    };
  }

  #after(minutes: number, run: () => void): void {
    const takeBack = (): void => {
      if (this.#takeBack.delete(takeBack)) run();
    };
    this.#takeBack.add(takeBack);
    this.#simulation.agenda.in(minutes * minute, takeBack);
  }

  #excuseReads(): () => void {
    this.#excuses += 1;
    this.#simulation.reader.suspended = true;
    return () => {
      this.#excuses -= 1;
      this.#simulation.reader.suspended = this.#excuses > 0;
    };
  }

  #notePause(of: string | null, answered: Promise<number>): () => void {
    let over = false;
    void answered.then((status) => {
      if (isTaken(status) && !over && !this.#paused.has(of)) this.#paused.set(of, this.#simulation.agenda.now);
    });
    return () => {
      over = true;
      this.#paused.delete(of);
    };
  }

  #noteGoingOn(of: string, answered: Promise<number>): void {
    void answered.then((status) => {
      if (isTaken(status)) this.#paused.delete(of);
    });
  }

  /** Nobody can lock a hub and a vault together. What nobody could see is found by the watch that follows, and undone. */
  #noteRace({ method, args }: Call): void {
    const by = calling.getStore();
    if (method !== 'setEnabled' || args[1] !== false || by === undefined || !this.#overtaken.has(by)) return;
    this.raced.add(String(args[0]));
    this.#takeBack.add(this.#excuseReads());
  }

  /** While somebody's pause holds, nothing begins. */
  #refuseWhilePaused(call: Call, stage: string): void {
    // What a retirement has disabled is given back at once, whoever has paused what.
    if (stage === 'retiring' && call.method === 'setEnabled' && call.args[1] === true) return;
    if (!isMutation(call)) return;
    const { claim } = this.#simulation.cloud.ledger.look(kek);
    // The pause of a run that has ended is none of the next one.
    const since = [null, claim?.rotationId ?? null].flatMap((of) => this.#paused.get(of) ?? []);
    if (since.some((began) => this.#simulation.agenda.now > began + onItsWay)) {
      this.seen.push(`${call.port}.${call.method} began while it was paused`);
    }
  }
}

const isTaken = (status: number): boolean => status > 0 && status < 300;

const isNow = (at: Moment, stage: string, number: number): boolean => at.stage === stage && number >= at.call;
