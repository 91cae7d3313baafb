import type { CloudSeed } from '../cloud/seed';
import type { FaultRule, LoggedRequest } from '../kit';
import type { Sandbox } from './bring-up';
import { type Alert, hasEnded, type Page, type Rotation, versionOf } from './contract';
import type { Screen } from './screen';
import { names } from './seed';
import { span } from './spans';
import { ScenarioError, type Watch } from './watch';
import { type Answer, type Call, UnexpectedAnswerError } from './wire';

/** How a scenario must end. */
export interface Expectation {
  readonly phase: string;
  /** Which version every target stands on at the end. */
  readonly standsOn: 'previous' | 'next';
  /** Type of the alert that the topic must have received; null if there must be none. */
  readonly alert: string | null;
  /** Alerts that may come besides, such as the one that a long wait raises. */
  readonly alsoAllowed?: readonly string[];
}

/** One thing that can happen to a key, from its cause to the end of its one rotation. */
export interface Scenario {
  readonly name: string;
  /** One line, for `--list`. */
  readonly title: string;
  readonly expect: Expectation;
  /** Changes what the local cloud starts with. */
  readonly seed?: (seed: CloudSeed) => CloudSeed;
  /** Makes it happen, and answers once it is over. */
  play(stage: Stage): Promise<void>;
}

/** Machine seconds that anything in a scenario may take. */
const PATIENCE_SECONDS = 120;
/** More than a request to the local cloud takes. */
const LEAD_MILLISECONDS = 1000;
/** Long enough to be seen by somebody who looks ten times a second. */
const SLOW_MILLISECONDS = 1500;

/** What a scenario may do: cause things from outside, and wait for what the app tells over its API. */
export class Stage {
  /** Unversioned identifier of the KEK. */
  readonly key: string;
  /** Version in use when the scenario began. */
  readonly previousVersion: string;
  /** When the vault does by itself what the seeded policy says. */
  readonly policyDue: Date;
  readonly #sandbox: Sandbox;
  readonly #watch: Watch;
  readonly #screen: Screen;

  constructor(sandbox: Sandbox, parts: { watch: Watch; screen: Screen; previousVersion: string; policyDue: Date }) {
    this.#sandbox = sandbox;
    this.#watch = parts.watch;
    this.#screen = parts.screen;
    this.key = sandbox.key;
    this.previousVersion = parts.previousVersion;
    this.policyDue = parts.policyDue;
  }

  /** Tells the person who watches what is being done. */
  say(text: string): void {
    this.#screen.say('scenario', text);
  }

  /** The sandbox's time. */
  async now(): Promise<Date> {
    return new Date(Date.now() + (await offsetOf(this.#sandbox)));
  }

  /** Lets the sandbox's clock jump; whatever is due by then happens. */
  async advanceTo(time: Date, why: string): Promise<void> {
    const ahead = time.getTime() - (await this.now()).getTime();
    this.#screen.say('clock', `the sandbox's clock jumps ${span(ahead)} ahead, ${why}`);
    const { wire, cloud, host } = this.#sandbox;
    // The host first, or it would date an event that is delivered at once before the jump; and the cloud never behind the host.
    const offsetMilliseconds = time.getTime() - Date.now();
    await wire.ask(`${host.url}/admin/clock`, { body: { offsetMilliseconds } });
    const advanceTo = Date.now() + offsetMilliseconds + LEAD_MILLISECONDS;
    await wire.ask(`${cloud.control}/clock`, { body: { advanceTo } });
  }

  /** Has Event Grid deliver an event about the version in use, so many times at once. */
  async publish(type: 'KeyNearExpiry' | 'KeyExpired', copies = 1): Promise<void> {
    const { wire, cloud } = this.#sandbox;
    await wire.ask(`${cloud.eventGrid}/publish`, {
      body: {
        type: `Microsoft.KeyVault.${type}`,
        subject: names.key,
        data: this.#keyEventData(),
        copies,
        concurrent: true,
        wait: true,
      },
      timeout: PATIENCE_SECONDS * 1000,
    });
  }

  /** Calls the app; the answer whatever its status. */
  http(path: string, call: Call = {}): Promise<Answer> {
    return this.#sandbox.wire.call(`${this.#sandbox.host.url}${path}`, call);
  }

  /** `POST /api/rotations`. @returns the id of the rotation it began */
  async start(body: { reason: string; toVersion?: string }): Promise<string> {
    const answer = await this.http('/api/rotations', { body: { key: this.key, ...body } });
    if (answer.status !== 202) throw new UnexpectedAnswerError('POST /api/rotations', answer.status);
    const { rotationId } = answer.body as { rotationId: string };
    this.#watch.follow(rotationId);
    return rotationId;
  }

  /** Asks the local cloud for a fault; reads that fail because of it are not held against the rotation. */
  async fault(rule: FaultRule): Promise<void> {
    await this.#sandbox.faults.add(rule);
  }

  /**
   * Makes the DPS take its time over the next change, so that there is a moment in which the hub has moved, and nothing else: no
   * clock jumps while an answer is on its way.
   */
  async slowDownDps(): Promise<void> {
    const effect = { kind: 'latency' as const, milliseconds: SLOW_MILLISECONDS };
    await this.fault({ standIn: 'arm', operation: 'putDps', times: 1, effect });
  }

  /** Waits for that moment. @throws ScenarioError if it has passed */
  async hubMovedAlone(): Promise<Rotation> {
    const rotation = await this.waitFor('the hub to move', ({ targets, nextVersion }) => {
      return nextVersion !== null && targets[0]?.version === nextVersion;
    });
    this.must(rotation.phase === 'rewrapping', `the hub had moved, but the rotation was ${rotation.phase} already`);
    return rotation;
  }

  /** The version that the vault names when asked for none. */
  newestVersion(): Promise<string> {
    return currentVersion(this.#sandbox);
  }

  /** Whether a hub or DPS was changed, and changed back: by what ARM itself was asked. */
  async wentAndCameBack(name: string): Promise<boolean> {
    const { wire, cloud } = this.#sandbox;
    const requests = await wire.ask<LoggedRequest[]>(`${cloud.control}/requests?standIn=arm&list=true`);
    const writes = requests.filter(
      ({ method, path, status }) => method === 'PUT' && path.endsWith(`/${name}`) && status < 300,
    );
    return writes.length >= 2;
  }

  killHost(): Promise<void> {
    return this.#sandbox.host.kill();
  }

  restartHost(): Promise<void> {
    return this.#sandbox.host.start();
  }

  /** Waits for the rotation to look so; `what` ends the sentence "waited for …". */
  waitFor(what: string, wanted: (rotation: Rotation) => boolean): Promise<Rotation> {
    return this.#watch.until(what, wanted, PATIENCE_SECONDS);
  }

  /** Waits for the rotation to end. */
  async ended(): Promise<Rotation> {
    return this.waitFor('the rotation to end', hasEnded);
  }

  /** @throws ScenarioError with the sentence, which then says why the scenario failed */
  must(holds: boolean, sentence: string): void {
    if (!holds) throw new ScenarioError(sentence);
  }

  #keyEventData(): Record<string, unknown> {
    return {
      Id: `${this.key}/${this.previousVersion}`,
      VaultName: names.vault,
      ObjectType: 'Key',
      ObjectName: names.key,
      Version: this.previousVersion,
      NBF: null,
      EXP: null,
    };
  }
}

/** How far the sandbox's clock is ahead of the machine's, in milliseconds. */
export async function offsetOf({ wire, cloud }: Pick<Sandbox, 'wire' | 'cloud'>): Promise<number> {
  const { offsetMilliseconds } = await wire.ask<{ offsetMilliseconds: number }>(`${cloud.control}/clock`);
  return offsetMilliseconds;
}

/** What the alert topic has received. */
export function alertsOf({ wire, cloud }: Pick<Sandbox, 'wire' | 'cloud'>): Promise<Alert[]> {
  return wire.ask<Alert[]>(`${cloud.eventGrid}/alerts`);
}

/** How many rotations of the key there are, and the newest of them. */
export async function rotationsOf({
  wire,
  host,
  key,
}: Pick<Sandbox, 'wire' | 'host' | 'key'>): Promise<readonly Rotation[]> {
  const page = await wire.ask<Page<Rotation>>(`${host.url}/api/rotations?key=${encodeURIComponent(key)}&limit=10`);
  return page.items;
}

/** The version that the vault names when asked for none. */
export async function currentVersion({ wire, tokens, key }: Pick<Sandbox, 'wire' | 'tokens' | 'key'>): Promise<string> {
  const headers = await tokens.header('owner', 'https://vault.azure.net');
  const body = await wire.ask<{ key: { kid: string } }>(`${key}?api-version=7.4`, { headers });
  return versionOf(body.key.kid) ?? '';
}
