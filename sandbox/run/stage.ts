import { setTimeout as delay } from 'node:timers/promises';
import type { ServiceModes } from '../arm';
import type { CloudSeed } from '../cloud/seed';
import type { FaultRule, LoggedRequest } from '../kit';
import type { LogModes } from '../log-analytics/audit-events';
import { type KeySettings, keyIdentifier } from './app-settings';
import type { Sandbox } from './bring-up';
import { type Alert, hasEnded, type Rotation } from './contract';
import { Intruder } from './intruder';
import { alertsOf, currentVersion, offsetOf } from './looks';
import { Operator } from './operator';
import { People } from './people';
import type { Screen } from './screen';
import { names } from './seed';
import { span } from './spans';
import { ScenarioError, type Watch } from './watch';
import { type Answer, type Call, UnexpectedAnswerError } from './wire';

type Standpoint = 'previous' | 'next';

/** How a scenario must end. */
export interface Expectation {
  /** Null if there must be no rotation at all. */
  readonly phase: string | null;
  /** Which version every target stands on at the end; where they end apart, each by its kind. */
  readonly standsOn: Standpoint | Readonly<Record<'iotHub' | 'dps' | 'dataKeys', Standpoint | 'no single one'>>;
  /** Type of the alert that the topic must have received; null if there must be none. */
  readonly alert: string | null;
  /** Alerts that may come besides, such as the one that a long wait raises. */
  readonly alsoAllowed?: readonly string[];
  /** How many rotations of the key there are at the end; one unless set. */
  readonly rotations?: number;
  /** The history must not verify: the scenario tampers with it. */
  readonly history?: 'broken';
}

/** One thing that can happen to a key, from its cause to the end of its one rotation. */
export interface Scenario {
  readonly name: string;
  /** One line, for `--list`. */
  readonly title: string;
  readonly expect: Expectation;
  /** Changes what the local cloud starts with. */
  readonly seed?: (seed: CloudSeed) => CloudSeed;
  /** What rotation.json says of the key beside its targets; Keyturn's own defaults unless set. */
  readonly settings?: KeySettings;
  /** Whether people sign in, and roles decide who may do what. */
  readonly signIn?: true;
  /** Whether the vaults' log is set, and so is asked before a version is retired. */
  readonly withLog?: true;
  /** Makes it happen, and answers once it is over. */
  play(stage: Stage): Promise<void>;
}

/** Machine seconds that anything in a scenario may take. */
const PATIENCE_SECONDS = 120;
const LOOK_MILLISECONDS = 100;
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
  readonly operator: Operator;
  readonly people: People;
  readonly intruder: Intruder;
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
    this.operator = new Operator(sandbox);
    this.people = new People(sandbox);
    this.intruder = new Intruder(sandbox);
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

  /** Lets the clock jump to when Key Vault gives notice that the key is near its expiry, which begins a rotation. */
  async nearExpiry(): Promise<void> {
    await this.advanceTo(this.policyDue, 'to when Key Vault gives notice that the key is near its expiry');
  }

  /** Keeps the clock from jumping over waiting, so that a scenario can act at a moment of its own choice. */
  hold(): Promise<void> {
    return this.#sandbox.travel.hold('the scenario');
  }

  release(): Promise<void> {
    return this.#sandbox.travel.release('the scenario');
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

  /** The header of somebody who has signed in to the app. */
  as(identity: string): Promise<Record<string, string>> {
    return this.#sandbox.tokens.header(identity, 'api://keyturn');
  }

  /** `POST /api/rotations`. @returns the id of the rotation it began */
  async start(
    body: { reason: string; toVersion?: string; run?: string; adopt?: object; replacement?: string },
    identity?: string,
  ): Promise<string> {
    const headers = identity === undefined ? {} : await this.as(identity);
    const answer = await this.http('/api/rotations', { body: { key: this.key, ...body }, headers });
    if (answer.status !== 202) throw new UnexpectedAnswerError('POST /api/rotations', answer.status);
    const { rotationId } = answer.body as { rotationId: string };
    this.#watch.follow(rotationId);
    return rotationId;
  }

  /** Unversioned identifier of a key in another vault of the sandbox. */
  keyIn(vault: string, key: string): string {
    return keyIdentifier(this.#sandbox.cloud, key, vault);
  }

  /** Asks the local cloud for a fault; reads that fail because of it are not held against the rotation. */
  async fault(rule: FaultRule): Promise<void> {
    await this.#sandbox.faults.add(rule);
  }

  /** Lets the events that the vault raises from now on be lost, or not any more. */
  async loseEvents(lose: boolean): Promise<void> {
    const { wire, cloud } = this.#sandbox;
    await wire.ask(`${cloud.eventGrid}/modes`, { body: { drop: lose } });
  }

  /** Changes how a hub or DPS reads what nobody outside Azure knows. */
  async setModes(name: string, modes: Partial<ServiceModes>): Promise<void> {
    const { wire, cloud } = this.#sandbox;
    await wire.ask(`${cloud.control}/modes/${name}`, { body: modes });
  }

  /** Changes how late the vaults' log comes, in which table, or that it stands still. */
  async setLogModes(modes: Partial<LogModes>): Promise<void> {
    const { wire, cloud } = this.#sandbox;
    await wire.ask(`${cloud.control}/modes/logs`, { body: modes });
  }

  /** Starts the app again with another rotation.json. */
  async reconfigure(settings: KeySettings): Promise<void> {
    this.#sandbox.configure(settings);
    await this.killHost();
    await this.restartHost();
  }

  /**
   * Starts the app again with a rotation.json that it must refuse.
   *
   * @returns the host's exit code, and the end of what it said
   * @throws ScenarioError if the app has started
   */
  async refusedToStart(settings: KeySettings): Promise<{ exitCode: number | null; message: string }> {
    this.#sandbox.configure(settings);
    await this.killHost();
    const refusal = await this.#sandbox.host.startOrRefusal();
    if (refusal === null) throw new ScenarioError('the app has started with a configuration that it must refuse');
    return refusal;
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
    const writes = (await this.requests('arm')).filter(
      ({ method, path, status }) => method === 'PUT' && path.endsWith(`/${name}`) && status < 300,
    );
    return writes.length >= 2;
  }

  /** What a stand-in was asked. */
  requests(standIn: 'arm' | 'keyVault'): Promise<LoggedRequest[]> {
    const { wire, cloud } = this.#sandbox;
    return wire.ask<LoggedRequest[]>(`${cloud.control}/requests?standIn=${standIn}&list=true`);
  }

  /** How often Keyturn has changed something in ARM or Key Vault; reading, listing, unwrapping and signing change nothing. */
  async mutations(): Promise<number> {
    const all = [...(await this.requests('arm')), ...(await this.requests('keyVault'))];
    const changing = all.filter(({ method, path, principal }) => {
      return principal === 'keyturn' && method !== 'GET' && !/\/(listkeys|wrapkey|unwrapkey|sign)$/i.test(path);
    });
    return changing.length;
  }

  /** Every alert that the topic has received so far. */
  alerts(): Promise<readonly Alert[]> {
    return alertsOf(this.#sandbox);
  }

  /** An alert that the topic has received; waits for it. @param count how many of the type there must be, the last is answered */
  async alert(type: string, count = 1): Promise<Alert> {
    let found: Alert[] = [];
    await this.until(`the alert ${type}`, async () => {
      found = (await alertsOf(this.#sandbox)).filter(({ eventType }) => eventType === type);
      return found.length >= count;
    });
    return found.at(-1) as Alert;
  }

  /** Waits for something that is no matter of the watched rotation. @throws ScenarioError when it takes too long */
  async until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const late = Date.now() + PATIENCE_SECONDS * 1000;
    while (!(await holds().catch(() => false))) {
      if (Date.now() > late) throw new ScenarioError(`waited ${PATIENCE_SECONDS} s for ${what}`);
      await delay(LOOK_MILLISECONDS);
    }
  }

  /** Whether an old record of a target does not open now. */
  async readFails(name: string): Promise<boolean> {
    const source = this.#sandbox.sources.find((each) => each.name === name);
    if (source === undefined) throw new ScenarioError(`there is no target ${name}`);
    // A list of what there is does not open either.
    const read = source.ids().then(([id = '']) => source.open(id));
    return read.then(
      () => false,
      () => true,
    );
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
    const rotation = await this.waitFor('the rotation to end', hasEnded);
    // It says so before it gives the key up: whoever starts another one at once would be told that it is running.
    await this.until('the key to be free again', async () => {
      const { running } = await this.operator.keyView(rotation.key);
      return running !== rotation.rotationId;
    });
    return rotation;
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
