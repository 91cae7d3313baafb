import type { QuotaLimits, RunningKeyVault } from '../key-vault';
import { KeyVaultError } from '../key-vault';
import {
  type CloudContext,
  FaultBook,
  type FaultRule,
  InFlight,
  RequestLog,
  type RoleAssignment,
  type StandInRequest,
  type StandInResponse,
  type StandInServer,
  startServer,
} from '../kit';
import { roleAssignment } from './scopes';
import type { CloudSeed, RoleAssignmentSeed } from './seed';
import { hostClockOver, type TimeTravel } from './time-travel';

/** What the control server reaches into. */
export interface Controlled {
  seed: CloudSeed;
  vaults: ReadonlyMap<string, RunningKeyVault>;
  timeTravel: TimeTravel;
  addresses(): Record<string, unknown>;
  alerts(): unknown;
  deliveries(): unknown;
  /** Routes of the other stand-ins; undefined for a path that none of them has. */
  others(request: StandInRequest): Promise<StandInResponse | undefined>;
}

const ok = (body: unknown): StandInResponse => ({ status: 200, body });
const problem = (status: number, message: string): StandInResponse => ({
  status,
  body: { error: { code: String(status), message } },
});

/** The switchboard of the local cloud: plain HTTP for scenarios, tests and people. Not a service of Azure's. */
export class ControlServer {
  readonly #context: CloudContext;
  readonly #cloud: Controlled;

  constructor(context: CloudContext, cloud: Controlled) {
    this.#context = context;
    this.#cloud = cloud;
  }

  /**
   * Its own requests neither hold the clock still nor count as requests to Azure, nor can faults hit them; what they set going
   * does hold the clock.
   */
  start(port: number): Promise<StandInServer> {
    const apart = {
      ...this.#context,
      flight: new InFlight(),
      requests: new RequestLog(),
      faults: new FaultBook(this.#context.clock),
    };
    return startServer(apart, {
      standIn: 'token',
      name: 'control',
      port,
      tls: false,
      handle: (request) => this.#handle(request),
    });
  }

  async #handle(request: StandInRequest): Promise<StandInResponse> {
    const changes = request.method !== 'GET';
    const leave = changes ? this.#context.flight.enter() : () => undefined;
    try {
      return (
        (await this.#route(request)) ??
        (await this.#cloud.others(request)) ??
        problem(404, 'The control server has no such route.')
      );
    } catch (error) {
      const status = error instanceof KeyVaultError ? error.status : 400;
      return problem(status, error instanceof Error ? error.message : String(error));
    } finally {
      leave();
    }
  }

  async #route(request: StandInRequest): Promise<StandInResponse | undefined> {
    const [root = '', ...rest] = request.path.split('/').slice(1);
    const asked = `${request.method} ${root}`;
    switch (asked) {
      case 'GET faults':
      case 'POST faults':
      case 'DELETE faults':
        return this.#faults(request, rest[0]);
      case 'GET clock':
      case 'POST clock':
        return this.#clock(request);
      case 'GET time-travel':
      case 'POST time-travel':
        return this.#timeTravel(request);
      case 'GET role-assignments':
      case 'POST role-assignments':
      case 'DELETE role-assignments':
        return this.#roleAssignments(request);
      case 'POST tokens':
        return this.#tokens(request);
      case 'GET requests': {
        const standIn = request.query.get('standIn') ?? undefined;
        return ok(
          request.query.get('list') === 'true'
            ? this.#context.requests.list(standIn)
            : this.#context.requests.counts(standIn),
        );
      }
      case 'GET oplog':
        return ok(this.#operations(request.query));
      case 'GET endpoints':
        return ok(this.#cloud.addresses());
      case 'GET alerts':
        return ok(this.#cloud.alerts());
      case 'GET deliveries':
        return ok(this.#cloud.deliveries());
      case 'GET vaults':
      case 'POST vaults':
      case 'DELETE vaults':
        return this.#vault(request, rest);
      default:
        return undefined;
    }
  }

  #faults(request: StandInRequest, id: string | undefined): StandInResponse {
    const { faults } = this.#context;
    if (request.method === 'GET') return ok(faults.list());
    if (request.method === 'POST') return { status: 201, body: { id: faults.add(readFault(request.body)) } };
    if (id === undefined || id === '') faults.clear();
    else faults.remove(id);
    return { status: 204 };
  }

  /** A jump is answered when what was due by then has been done: a new version of the policy's is there to be read. */
  async #clock(request: StandInRequest): Promise<StandInResponse> {
    const { clock, flight } = this.#context;
    if (request.method === 'POST') {
      const { advanceTo } = (request.body ?? {}) as { advanceTo?: string | number };
      const to = typeof advanceTo === 'string' ? Date.parse(advanceTo) : (advanceTo ?? Number.NaN);
      if (Number.isNaN(to)) return problem(400, 'advanceTo must be a time: ISO 8601, or milliseconds since 1970.');
      clock.advanceTo(to);
      await clock.idle();
    }
    return ok({
      now: clock.now().toISOString(),
      offsetMilliseconds: clock.offsetMilliseconds,
      nextDue: clock.nextDue() ?? null,
      inFlight: flight.count,
      sequence: flight.sequence,
    });
  }

  #timeTravel(request: StandInRequest): StandInResponse {
    const { timeTravel } = this.#cloud;
    if (request.method === 'POST') {
      const { hostAdmin, on } = (request.body ?? {}) as { hostAdmin?: string; on?: boolean };
      if (on !== true) timeTravel.stop();
      else if (typeof hostAdmin !== 'string') return problem(400, 'hostAdmin must be the base address of the host.');
      else timeTravel.start(hostClockOver(hostAdmin));
    }
    return ok(timeTravel.state());
  }

  /** How long tokens live from now on (machine seconds), and whether those already given out are to end at once. */
  #tokens(request: StandInRequest): StandInResponse {
    const { tokens } = this.#context;
    const { lifetimeSeconds, endAll } = (request.body ?? {}) as { lifetimeSeconds?: number; endAll?: boolean };
    if (lifetimeSeconds !== undefined) {
      if (!(lifetimeSeconds > 0)) return problem(400, 'lifetimeSeconds must be a number of seconds.');
      tokens.lifetimeSeconds = lifetimeSeconds;
    }
    if (endAll === true) tokens.endAll();
    return { status: 204 };
  }

  #roleAssignments(request: StandInRequest): StandInResponse {
    const { permissions } = this.#context;
    if (request.method === 'GET') return ok(permissions.assignments);
    const wanted = roleAssignment(this.#context, this.#cloud.seed, request.body as RoleAssignmentSeed);
    const others = permissions.assignments.filter((assignment: RoleAssignment) => assignment.id !== wanted.id);
    permissions.assignments = request.method === 'POST' ? [...others, wanted] : others;
    return request.method === 'POST' ? { status: 201, body: wanted } : { status: 204 };
  }

  /** Lines of every vault's log that match, oldest first. */
  #operations(query: URLSearchParams): unknown[] {
    const lines = [...this.#cloud.vaults.values()].flatMap(({ vault }) => vault.log.list());
    const conditions = [...query.entries()];
    const matching = lines.filter((line) =>
      conditions.every(([name, value]) => String(line[name as keyof typeof line]) === value),
    );
    return matching.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  }

  async #vault(request: StandInRequest, [name = '', ...rest]: string[]): Promise<StandInResponse | undefined> {
    const vault = this.#cloud.vaults.get(name)?.vault;
    if (vault === undefined) return problem(404, `There is no vault named '${name}'.`);
    if (rest.length === 1 && rest[0] === 'quota') {
      if (request.method === 'GET') return undefined;
      vault.quota.set(request.method === 'DELETE' ? undefined : ((request.body ?? {}) as QuotaLimits));
      return { status: 204 };
    }
    if (rest.length === 1 && rest[0] === 'tally' && request.method !== 'DELETE') {
      if (request.method === 'GET') return ok(vault.tally.read());
      vault.tally.begin((request.body as { blobs?: boolean } | undefined)?.blobs === true);
      return { status: 204 };
    }
    const [kind, key = '', action] = rest;
    if (request.method !== 'POST' || kind !== 'keys') return undefined;
    const { version } = (request.body ?? {}) as { version?: string };
    if (action === 'near-expiry') vault.tellNearExpiry(key, version);
    else if (action === 'expired') vault.tellExpired(key, version);
    else if (action === 'run-policy') await vault.runPolicy(key);
    else return undefined;
    return { status: 202, body: {} };
  }
}

const STAND_INS = ['keyVault', 'arm', 'iotHub', 'dps', 'eventGrid', 'alertTopic', 'token', 'logAnalytics'];
const EFFECTS = ['status', 'latency', 'reset', 'wrongBytes', 'lostAnswer', 'operationFails'];

/** A fault that can never strike would make a scenario prove nothing. @throws Error naming what is wrong */
function readFault(body: unknown): FaultRule {
  const rule = (body ?? {}) as FaultRule;
  if (!STAND_INS.includes(rule.standIn)) throw new Error(`standIn must be one of: ${STAND_INS.join(', ')}.`);
  if (!EFFECTS.includes(rule.effect?.kind)) throw new Error(`effect.kind must be one of: ${EFFECTS.join(', ')}.`);
  const { share } = rule;
  if (share !== undefined && !(share > 0 && share <= 1)) throw new Error('share must be more than 0 and at most 1.');
  return rule;
}
