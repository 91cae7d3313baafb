import { setTimeout as delay } from 'node:timers/promises';
import type { Sandbox } from './bring-up';
import type { AuditVerification, Page, Rotation } from './contract';
import { rotationsOf } from './looks';
import { ScenarioError } from './watch';
import { type Answer, UnexpectedAnswerError } from './wire';

export type CommandName = 'approve' | 'cancel' | 'pause' | 'resume' | 'rollback' | 'abandon' | 'retire';

const LOOK_MILLISECONDS = 100;

/** What a refused command is told (RFC 9457). */
export interface Problem {
  readonly title: string;
  readonly phase?: string;
  readonly allowed?: readonly string[];
  readonly planHash?: string;
}

/** One KEK as `GET /api/keys` tells it. */
export interface KeyView {
  readonly key: string;
  readonly running: string | null;
  readonly version: string | null;
  readonly pendingRetirement: {
    readonly rotationId: string;
    readonly status: string;
    readonly dueAt: string;
    readonly reasons: readonly { readonly code: string; readonly message: string }[];
  } | null;
  readonly replacedBy: { readonly key: string; readonly rotationId: string } | null;
  readonly replaces: { readonly key: string; readonly rotationId: string } | null;
  readonly drifts: readonly { readonly name: string; readonly version: string | null; readonly cause: string | null }[];
  readonly findings: readonly { readonly code: string; readonly message: string }[];
}

/** One record of a rotation's history. */
export interface AuditRecord {
  readonly action: string;
  readonly outcome: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Somebody who looks after Keyturn, by its HTTP API and the host's admin address alone. */
export class Operator {
  readonly #sandbox: Pick<Sandbox, 'wire' | 'host' | 'key'>;

  constructor(sandbox: Pick<Sandbox, 'wire' | 'host' | 'key'>) {
    this.#sandbox = sandbox;
  }

  /** `POST /api/rotations/{id}/<command>`. @throws ScenarioError unless it is accepted */
  async command(rotation: Pick<Rotation, 'rotationId'>, name: CommandName, body: object = {}): Promise<void> {
    const { status, body: said } = await this.#post(rotation, name, body);
    if (status === 202) return;
    throw new ScenarioError(`the command ${name} was answered ${status}: ${(said as Problem | undefined)?.title}`);
  }

  /** A command that has to be refused. @throws ScenarioError unless it is answered 409 */
  async refused(rotation: Pick<Rotation, 'rotationId'>, name: CommandName, body: object = {}): Promise<Problem> {
    const answer = await this.#post(rotation, name, body);
    if (answer.status === 409) return answer.body as Problem;
    throw new ScenarioError(`the command ${name} had to be refused and was answered ${answer.status}`);
  }

  /** Runs the sweep now, as its timer would; answered before it has ended. */
  sweep(): Promise<void> {
    return this.run('sweep');
  }

  /** The same with any timer of the app's. */
  async run(timer: string): Promise<void> {
    const { wire, host } = this.#sandbox;
    await wire.ask(`${host.url}/admin/functions/${timer}`, { body: {} });
  }

  /** Runs the sweep now, and waits until a sweep that began after this has ended. */
  async sweepToItsEnd(): Promise<void> {
    const { wire, host } = this.#sandbox;
    const last = async (): Promise<string | null> => {
      // Whatever else is away, the health says when the last sweep ended.
      const { body } = await wire.call(`${host.url}/api/health`);
      return (body as { sweep: { startedAt: string } | null }).sweep?.startedAt ?? null;
    };
    const before = await last();
    await this.sweep();
    while ((await last()) === before) await delay(LOOK_MILLISECONDS);
  }

  /** @param key the scenario's own unless named */
  async keyView(key: string = this.#sandbox.key): Promise<KeyView> {
    const { wire, host } = this.#sandbox;
    const { items } = await wire.ask<Page<KeyView>>(`${host.url}/api/keys`);
    const found = items.find((item) => item.key === key);
    if (found === undefined) throw new UnexpectedAnswerError(`GET /api/keys, asked for ${key},`, 200);
    return found;
  }

  /** The history of one rotation, oldest first, as far as one page goes. */
  async audit(rotationId: string): Promise<readonly AuditRecord[]> {
    const { wire, host } = this.#sandbox;
    const url = `${host.url}/api/rotations/${rotationId}/audit?limit=200`;
    return (await wire.ask<Page<AuditRecord>>(url)).items;
  }

  /** Whether the newest record of the key's history is signed and anchored. */
  async isAnchored(): Promise<boolean> {
    const { wire, host, key } = this.#sandbox;
    const url = `${host.url}/api/audit/verify?key=${encodeURIComponent(key)}`;
    const latest = (await wire.ask<AuditVerification>(url)).chains.at(-1);
    return latest !== undefined && latest.anchoredTo === latest.records;
  }

  /** Newest first. */
  rotations(key: string = this.#sandbox.key): Promise<readonly Rotation[]> {
    return rotationsOf({ ...this.#sandbox, key });
  }

  #post({ rotationId }: Pick<Rotation, 'rotationId'>, name: CommandName, body: object): Promise<Answer> {
    const { wire, host } = this.#sandbox;
    return wire.call(`${host.url}/api/rotations/${rotationId}/${name}`, { method: 'POST', body });
  }
}
