import { randomBytes } from 'node:crypto';
import { KeyVaultTrouble } from '../data-plane';
import type { CloudContext, FaultRule, StandInResponse } from '../kit';
import type { JsonObject } from './json';
import type { ServiceModes } from './modes';
import { armError } from './refusals';

const retryMilliseconds = 30_000;
/** How long an operation tries on while the vault cannot be reached (mode `vaultUnreachable: 'waits'`). */
const patienceMilliseconds = 30 * 60_000;

export type FailureOf = { code: string; message: string } | undefined;

/** A long-running operation (Azure's documentation: async-operations, 2022-01-31). */
export interface Operation {
  id: string;
  status: 'InProgress' | 'Succeeded' | 'Failed';
  error: FailureOf;
  startedMilliseconds: number;
  /** A failure somebody asked for before the operation has ended. */
  asked: FailureOf;
}

interface Owner {
  name: string;
  resourceId: string;
  kind: { operations: { operation: string }; retryAfterSeconds: number };
  modes: ServiceModes;
  view(apiVersion: string): JsonObject;
}

/** The operations of one resource: each takes its virtual time, does its work at the end, and keeps its outcome. */
export class Operations {
  readonly #context: CloudContext;
  readonly #owner: Owner;
  readonly #operations = new Map<string, Operation>();

  constructor(context: CloudContext, owner: Owner) {
    this.#context = context;
    this.#owner = owner;
  }

  /** @param ended called once with the failure, if any, before anybody can see the outcome */
  start(work: () => Promise<void>, ended: (failure: FailureOf) => void): Operation {
    const now = this.#context.clock.nowMilliseconds();
    const id = randomBytes(18).toString('base64url');
    const operation: Operation = {
      id,
      status: 'InProgress',
      error: undefined,
      startedMilliseconds: now,
      asked: undefined,
    };
    this.#operations.set(id, operation);
    const run = async (): Promise<void> => {
      const failure = await this.#attempt(operation, work);
      if (failure === 'again') {
        this.#context.clock.schedule(this.#context.clock.nowMilliseconds() + retryMilliseconds, true, run);
        return;
      }
      ended(failure);
      operation.error = failure;
      operation.status = failure === undefined ? 'Succeeded' : 'Failed';
    };
    this.#context.clock.schedule(now + this.#owner.modes.operationSeconds * 1000, true, run);
    return operation;
  }

  /** Answers a poll. @param fault an asked-for `operationFails` makes the operation, if it still runs, end that way */
  poll(
    id: string,
    request: { asyncInfo: boolean; apiVersion: string; url: string },
    fault: FaultRule | undefined,
  ): StandInResponse {
    const operation = this.#operations.get(id);
    if (operation === undefined) return armError(404, 'OperationNotFound', 'There is no such operation.');
    if (fault?.effect.kind === 'operationFails') operation.asked = failureOf(fault.effect);
    const waiting = { 'Retry-After': String(this.#owner.kind.retryAfterSeconds) };
    const running = operation.status === 'InProgress';
    if (request.asyncInfo) {
      const body = { status: operation.status, ...(operation.error && { error: operation.error }) };
      return running ? { status: 200, headers: waiting, body } : { status: 200, body };
    }
    if (running) return { status: 202, headers: { ...waiting, Location: request.url } };
    if (operation.error) return { status: 400, body: { error: operation.error } };
    return { status: 200, body: this.#owner.view(request.apiVersion) };
  }

  async #attempt(operation: Operation, work: () => Promise<void>): Promise<FailureOf | 'again'> {
    const asked = operation.asked ?? this.#askedFor();
    if (asked !== undefined) return asked;
    try {
      await work();
      return undefined;
    } catch (error) {
      if (!(error instanceof KeyVaultTrouble)) throw error;
      if (error.transient && this.#hasPatience(operation)) return 'again';
      return { code: error.transient ? 'ServiceUnavailable' : 'KeyVaultError', message: error.message };
    }
  }

  #hasPatience(operation: Operation): boolean {
    if (this.#owner.modes.vaultUnreachable === 'fails') return false;
    return this.#context.clock.nowMilliseconds() < operation.startedMilliseconds + patienceMilliseconds;
  }

  /** Takes an asked-for failure; looks first, so that a fault meant for a poll is not used up here. */
  #askedFor(): FailureOf {
    const { name, resourceId, kind } = this.#owner;
    const operation = kind.operations.operation;
    const meant = (rule: FaultRule) =>
      rule.standIn === 'arm' && rule.effect.kind === 'operationFails' && rule.operation === operation;
    if (!this.#context.faults.list().some(meant)) return undefined;
    const rule = this.#context.faults.take({ standIn: 'arm', name, method: 'PUT', path: resourceId, operation });
    return rule?.effect.kind === 'operationFails' ? failureOf(rule.effect) : undefined;
  }
}

function failureOf(effect: { code: string; message: string }): FailureOf {
  return { code: effect.code, message: effect.message };
}
