import type { Rotation } from '../../shared/contracts/rotation';
import type { Alert, AuditRecord } from '../../shared/rotation/ports';
import { type Call, type Caller, calling, type Edge } from '../edges/with-edges';
import { verifyChain } from '../fakes/chain-alone';
import { kek } from '../simulation/cloud';
import { isLive } from '../simulation/durable-engine';
import type { Breach } from '../simulation/invariants';
import { isMutation } from '../simulation/mutation-rules';
import { Simulation } from '../simulation/simulation';
import { diskOf, tell } from './disk';
import { Person } from './person';
import type { Run } from './runs';

export const ways = ['before', 'after', 'lost'] as const;
/** Killed before the effect, killed after it, or the effect was done and its answer lost. */
export type Way = (typeof ways)[number];

/** One effect at one place of a run, as it was met there. */
export interface Point {
  /** `activity/port.method#occurrence` */
  readonly id: string;
  readonly activity: string;
  readonly effect: string;
  /** What is done, in words. */
  readonly told: string;
  /** What is on disk when it is not done yet. */
  readonly disk: string;
}

/** How a run has ended, without what differs from one time to the next. */
export interface Outcome {
  readonly phases: readonly Rotation['phase'][];
  readonly standing: Simulation['standing'];
  readonly versions: readonly string[];
  readonly retirements: readonly string[];
  /** What was told of which rotation, each id once: one that comes under two ids is there twice. */
  readonly alerts: readonly string[];
  /** What people asked for, as the history tells it, each once. */
  readonly commands: readonly string[];
  readonly held: boolean;
}

export interface Played {
  readonly points: readonly Point[];
  /** How often each effect was done, in words, by each activity. */
  readonly done: ReadonlyMap<string, number>;
  /** How often each `port.method` that changes something outside was done. */
  readonly mutations: ReadonlyMap<string, number>;
  readonly outcome: Outcome;
  readonly breaches: readonly Breach[];
  /** What must not be, whatever the run. */
  readonly troubles: readonly string[];
  /** Ids of alerts that came again although somebody knew that they had been sent, or more often than that explains. */
  readonly repeated: readonly string[];
  readonly operator: readonly string[];
}

/** Plays a run to its end, disturbed at one point or not at all. */
export async function played(run: Run, at?: { readonly id: string; readonly way: Way }): Promise<Played> {
  const simulation = new Simulation(run.given);
  const person = new Person(simulation);
  const stage = { simulation, person };
  const points: Point[] = [];
  const done = new Map<string, number>();
  const mutations = new Map<string, number>();
  const met = new Map<string, number>();
  const toldBy: ToldBy = new Map();
  /** What was told by the very call of a function that was struck, which nobody else could know. */
  let unknown: Copies = new Map();
  const accident: Edge = run.accidents?.(simulation) ?? ((_call, go) => go());
  simulation.edge = accident;
  await run.before?.(stage);
  simulation.edge = async (call, go) => {
    if (call.kind === 'read') return accident(call, go);
    const point = pointOf(simulation, call, met);
    if (run.only?.test(point.id) ?? true) points.push(point);
    const effect = `${point.activity}: ${point.told}`;
    const pass = async () => {
      const answer = await accident(call, go);
      count(done, effect);
      if (isMutation(call)) count(mutations, point.effect);
      noteTold(toldBy, call);
      return answer;
    };
    if (point.id !== at?.id) return pass();
    if (at.way === 'before') {
      unknown = toldBy.get(calling.getStore()) ?? unknown;
      return simulation.kill();
    }
    await pass();
    unknown = toldBy.get(calling.getStore()) ?? unknown;
    return at.way === 'after' ? simulation.kill() : simulation.lose();
  };
  const troubles: string[] = [];
  try {
    await run.play(stage);
  } catch (error) {
    troubles.push(error instanceof Error ? error.message : String(error));
  }
  troubles.push(...(await troublesOf(simulation, run)));
  return {
    points,
    done,
    mutations,
    outcome: outcomeOf(simulation),
    breaches: simulation.judge.atEnd(),
    troubles,
    // Who cut off the record that it was told has it told again.
    repeated: run.tampered === undefined ? repeatedOf(simulation, unknown) : [],
    operator: person.did,
  };
}

/** How often an alert may come, by its id. */
type Copies = ReadonlyMap<string, number>;
type ToldBy = Map<Caller | undefined, Map<string, number>>;

const timers: ReadonlySet<string> = new Set(['sweep', 'verifyHistories']);

/**
 * A step that is struck after it has sent an alert is done again, and sends it again. A timer comes back so much later that the outbox has sent
 * meanwhile what was kept in it, and was not known to be sent.
 */
function noteTold(toldBy: ToldBy, { port, method, args }: Call): void {
  const caller = calling.getStore();
  const isTimer = timers.has(caller?.name ?? '');
  const isKept = port === 'outbox' && method === 'put' && isTimer;
  if (!isKept && !(port === 'alerts' && method === 'send')) return;
  const told = toldBy.get(caller) ?? new Map<string, number>();
  toldBy.set(caller, told);
  told.set((args[0] as Alert).id, isTimer && !isKept ? 3 : 2);
}

function repeatedOf({ cloud }: Simulation, unknown: Copies): readonly string[] {
  const copies = Map.groupBy(cloud.alerts.sent, ({ id }) => id);
  return [...copies].filter(([id, all]) => all.length > (unknown.get(id) ?? 1)).map(([id]) => id);
}

function count(map: Map<string, number>, name: string): void {
  map.set(name, (map.get(name) ?? 0) + 1);
}

function pointOf(simulation: Simulation, call: Call, met: Map<string, number>): Point {
  const activity = calling.getStore()?.name ?? 'nobody';
  const effect = `${call.port}.${call.method}`;
  const name = `${activity}/${effect}`;
  count(met, name);
  const occurrence = met.get(name);
  return { id: `${name}#${occurrence}`, activity, effect, told: tell(simulation, call), disk: diskOf(simulation) };
}

async function troublesOf(simulation: Simulation, run: Run): Promise<readonly string[]> {
  const { cloud, engine, logged } = simulation;
  simulation.reader.readAll();
  const records = cloud.auditLog.stored(kek);
  const last = records.at(-1)?.chain ?? 1;
  const troubles: string[] = [];
  for (let chain = 1; chain <= last && run.tampered === undefined; chain++) {
    const head = cloud.auditLog.heads(kek).find((each) => each.chain === chain) ?? null;
    const { ok, brokenAt } = await verifyChain(
      records.filter((each) => each.chain === chain),
      head,
      kek,
    );
    if (!ok) troubles.push(`the history does not verify: ${brokenAt?.fault}`);
  }
  for (const instance of engine.instances.values()) {
    if (isLive(instance)) troubles.push(`the instance ${instance.name} is still alive`);
    if (instance.status === 'Failed') troubles.push(`the instance ${instance.name} has failed: ${instance.output}`);
  }
  // An activity that throws, which only bugs do.
  return [...troubles, ...logged.filter((line) => /^\w+ failed:/.test(line))];
}

function outcomeOf({ rotations, standing, cloud }: Simulation): Outcome {
  const { claim, retirements } = cloud.ledger.look(kek);
  const told = cloud.auditLog.stored(kek);
  return {
    phases: rotations.map(({ phase }) => phase),
    standing,
    versions: cloud.vaults.flatMap((vault) =>
      // What is made expires so long after it was made.
      vault
        .look()
        .map(({ version, enabled, expiresOn }) => `${version} ${enabled} ${expiresOn?.toISOString().slice(0, 10)}`),
    ),
    retirements: retirements.map(({ status }) => status),
    alerts: [...new Map(cloud.alerts.sent.map((alert) => [alert.id, alert])).values()]
      .map((alert) => kindOf(alert, rotations))
      .sort(),
    commands: [...new Set(told.filter(({ action }) => action === 'command').map(commandOf))].sort(),
    held: claim !== null && claim.rotationId !== null,
  };
}

/** An alert's id without what differs from one time to the next: which generation told, and when the trouble began. */
function kindOf({ id, type }: Alert, rotations: readonly Rotation[]): string {
  const index = rotations.findIndex(({ rotationId }) => id.startsWith(`${rotationId}.`));
  return index < 0 ? type : `rotation ${index + 1}: ${id.split('.')[1]}`;
}

const commandOf = ({ actor, details }: AuditRecord): string => `${details['command']} by ${actor}`;
