import type { Rotation } from '../../shared/contracts/rotation';
import type { AuditRecord } from '../../shared/rotation/ports';
import { type Call, calling, type Edge } from '../edges/with-edges';
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
  /** Types of the alerts that were sent, each once. */
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
  /** Ids of alerts that were sent more than once. */
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
      return answer;
    };
    if (point.id !== at?.id) return pass();
    if (at.way === 'before') return simulation.kill();
    await pass();
    return at.way === 'after' ? simulation.kill() : simulation.lose();
  };
  const troubles: string[] = [];
  try {
    await run.play(stage);
  } catch (error) {
    troubles.push(error instanceof Error ? error.message : String(error));
  }
  troubles.push(...(await troublesOf(simulation, run)));
  const { sent } = simulation.cloud.alerts;
  return {
    points,
    done,
    mutations,
    outcome: outcomeOf(simulation),
    breaches: simulation.judge.atEnd(),
    troubles,
    repeated: sent.filter(({ id }, index) => sent.findIndex((each) => each.id === id) < index).map(({ id }) => id),
    operator: person.did,
  };
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
    alerts: [...new Set(cloud.alerts.sent.map(({ type }) => type))].sort(),
    commands: [...new Set(told.filter(({ action }) => action === 'command').map(commandOf))].sort(),
    held: claim !== null && claim.rotationId !== null,
  };
}

const commandOf = ({ actor, details }: AuditRecord): string => `${details['command']} by ${actor}`;
