import { isTerminal } from '../../shared/rotation/phases';
import type { Claim, DataPlaneAnswer, LedgerChange, LedgerState } from '../../shared/rotation/ports';
import type { Call } from '../edges/with-edges';
import type { Invocation } from './app-process';
import { kek } from './cloud';
import { faultsOf, isMutation } from './mutation-rules';
import { secretsFound } from './secrets';
import type { Simulation } from './simulation';
import { whereTheyShouldNot } from './standing-rules';

/** An invariant of ARCHITECTURE.md that did not hold, and what was seen. */
export interface Breach {
  readonly invariant: `I${number}`;
  readonly seen: string;
}

/** An effect in the order in which it came to the cloud. */
export interface Effect {
  readonly at: string;
  readonly by: string;
  /** `port.method` */
  readonly what: string;
  readonly answered: boolean;
}

/**
 * Looks at every effect at the moment at which it reaches the cloud, and at everything when a simulation has ended. Knows the product only by what it
 * does: ledger, audit log, vault, resources and records are read as they are kept.
 */
export class Judge {
  readonly breaches: Breach[] = [];
  readonly effects: Effect[] = [];
  /** Blobs that were unwrapped, and how often, by the process that asked. */
  readonly unwrapped = new Map<string, number>();
  /** Records that their owner wrote, or that were bad from the beginning: where they stand says nothing of a run. */
  readonly excused = new Set<string>();
  readonly #simulation: Simulation;
  readonly #lastProbe = new Map<string, DataPlaneAnswer['answer'] | 'asked'>();

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  /** A call is about to leave the app; whether it gets through is not known. */
  asked(call: Call): void {
    if (call.port === 'dataPlane') this.#lastProbe.set(call.method, 'asked');
  }

  /** A read has come back. */
  saw(call: Call, by: Invocation, answer: unknown): void {
    if (call.port === 'ledger' && call.method === 'read') {
      by.fence = { key: call.args[0] as string, state: answer as LedgerState, used: false, stop: undefined };
    } else if (call.port === 'ledger' && call.method === 'stopped' && by.fence !== null) {
      by.fence.stop = answer as string | null;
    } else if (call.port === 'dataPlane') {
      this.#lastProbe.set(call.method, (answer as DataPlaneAnswer).answer);
    } else if (call.port === 'keyVault' && call.method === 'unwrap') {
      const name = `${by.process} ${Buffer.from(call.args[2] as Uint8Array).toString('base64url')}`;
      this.unwrapped.set(name, (this.unwrapped.get(name) ?? 0) + 1);
    }
  }

  /** An effect is about to happen. */
  before(call: Call, by: Invocation): void {
    if (isMutation(call)) {
      for (const { invariant, seen } of faultsOf(this.#simulation, this.unwrapped, call, by)) {
        this.breach(invariant, `${by.name} ${call.port}.${call.method}: ${seen}`);
      }
    }
    if (call.port === 'ledger' && call.method === 'update') this.#beforeClaim(call.args[2] as LedgerChange);
  }

  after(call: Call, by: Invocation, answer: unknown): void {
    const what = `${call.port}.${call.method}`;
    this.effects.push({ at: this.#simulation.now().toISOString(), by: by.name, what, answered: true });
    // What is looked up before this may have changed by it.
    if (by.fence !== null && (isMutation(call) || what === 'ledger.update' || what === 'auditLog.append'))
      by.fence.used = true;
    if (what === 'keyVault.createVersion') this.#madeOnce(answer as { tags: Readonly<Record<string, string>> });
    if (what === 'history.put') this.#oneAtATime();
  }

  sawFailedRead(what: string): void {
    this.breach('I10', `a reader found that ${what}`);
  }

  breach(invariant: Breach['invariant'], seen: string): void {
    if (!this.breaches.some((each) => each.invariant === invariant && each.seen === seen))
      this.breaches.push({ invariant, seen });
  }

  /** What can only be said when everything is over. @returns every breach */
  atEnd(): readonly Breach[] {
    for (const found of secretsFound(this.#simulation)) this.breach('I6', found);
    return this.breaches;
  }

  #beforeClaim({ claim, putRetirement }: LedgerChange): void {
    if (claim.key !== kek) return;
    const { claim: before } = this.#simulation.cloud.ledger.look(kek);
    const enters = claim.phase !== before?.phase && claim.rotationId !== null && claim.purpose === 'rotation';
    if (enters && (claim.phase === 'completed' || claim.phase === 'rolled-back')) {
      for (const seen of whereTheyShouldNot(this.#simulation, this.excused, claim)) {
        this.breach('I8', `${claim.rotationId} ${seen}`);
      }
      if (claim.phase === 'completed') this.#allGreen(claim, 'completed');
    }
    if (putRetirement?.status === 'retired') this.#allGreen(claim, 'retired');
    this.#ofAnothersMaking(claim, before);
  }

  /** I12: what counts as green was answered as such, the last time it was asked. */
  #allGreen({ plan, run }: Claim, end: string): void {
    if (run !== undefined && run !== 'rotate' && run !== 'replace') return;
    const services = (plan?.targets ?? []).filter(({ kind }) => kind !== 'dataKeys');
    for (const { kind, name } of services) {
      const answer = this.#lastProbe.get(kind === 'iotHub' ? 'readTwin' : 'readEnrollment');
      if (answer !== 'opened')
        this.breach('I12', `${end}, although ${kind}/${name} last answered ${answer ?? 'nothing'}`);
    }
  }

  /** I7: the event of a version that a run has made starts no other. */
  #ofAnothersMaking({ cause, bound, rotationId }: Claim, before: Claim | null): void {
    if (!bound || cause?.kind !== 'event' || rotationId === before?.rotationId) return;
    const version = this.#simulation.cloud.vault.look().find((each) => each.version === cause.version);
    if (cause.type === 'KeyNewVersionCreated' && version?.tags['rotationId'] !== undefined) {
      this.breach('I7', `${rotationId} was started by the version that ${version.tags['rotationId']} has made`);
    }
  }

  /** I2: whatever happens twice, a run makes one version. */
  #madeOnce({ tags }: { readonly tags: Readonly<Record<string, string>> }): void {
    const { vaults } = this.#simulation.cloud;
    const made = vaults.flatMap((vault) =>
      vault.look().filter((each) => each.tags['rotationId'] === tags['rotationId']),
    );
    if (made.length > 1) this.breach('I2', `${tags['rotationId']} has made ${made.length} versions`);
  }

  /** I5, as the history shows it. */
  #oneAtATime(): void {
    const live = [...this.#simulation.cloud.history.rotations.values()].filter(({ phase }) => !isTerminal(phase));
    if (live.length > 1)
      this.breach('I5', `${live.map(({ rotationId, phase }) => `${rotationId} (${phase})`).join(' and ')}`);
  }
}
