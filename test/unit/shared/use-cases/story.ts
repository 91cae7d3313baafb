import type { DataKeysPage, MoveState, RunReference } from '../../../../shared/contracts/activities';
import { admit } from '../../../../shared/rotation/admission';
import { deliverOwed, sendAlert } from '../../../../shared/rotation/alerting';
import { command } from '../../../../shared/rotation/commands';
import { FaultError } from '../../../../shared/rotation/errors';
import { versionOf } from '../../../../shared/rotation/key-identifier';
import { checkMove, moveTarget, verifyTarget } from '../../../../shared/rotation/moving';
import { moveDataKeysPage } from '../../../../shared/rotation/moving-data-keys';
import { chooseVersion } from '../../../../shared/rotation/next-version';
import { makePlan } from '../../../../shared/rotation/planning';
import type { RotationPorts } from '../../../../shared/rotation/run-ports';
import { beginSoak, probeTargets } from '../../../../shared/rotation/soaking';
import { enterPhase } from '../../../../shared/rotation/telling';
import { listUndo, proveWayBack } from '../../../../shared/rotation/way-back';
import { eventRequest, key, rotationId, type World } from './world';

type Activity<I, O> = (ports: RotationPorts, input: I) => Promise<O>;

/** Calls an activity as the engine does: after a lost answer again, with the very same input. */
async function call<I, O>(world: World, activity: Activity<I, O>, input: I): Promise<O> {
  for (let tries = 1; ; tries++) {
    try {
      return await activity(world.ports, input);
    } catch (error) {
      if (!(error instanceof FaultError) || tries === 10) throw error;
    }
  }
}

async function moveAndVerify(world: World, run: RunReference, target: number, direction: 'forward' | 'back') {
  const onTarget = () => ({ run, now: world.pass(1), target, direction });
  if (world.managed.targets[target]?.kind === 'dataKeys') {
    let page: DataKeysPage = { continuation: null, done: 0, total: 0, left: 0, named: [] };
    do {
      const { continuation, done, left } = page;
      page = await call(world, moveDataKeysPage, { ...onTarget(), continuation, done, left });
    } while (page.continuation !== null);
  } else {
    let state: MoveState = await call(world, moveTarget, onTarget());
    for (let looks = 0; state.state === 'pending' && looks < 20; looks++) {
      world.pass(5);
      state = await call(world, checkMove, onTarget());
    }
  }
  await call(world, verifyTarget, onTarget());
}

async function begin(world: World): Promise<RunReference> {
  const request = eventRequest(rotationId);
  const admission = await call(world, admit, { request, instanceId: rotationId, now: world.now() });
  if (!admission.admitted) throw new Error(admission.message);
  const { run } = admission;
  const enter = (phase: Parameters<typeof enterPhase>[1]['phase']) =>
    call(world, enterPhase, { run, now: world.pass(1), phase, reasons: [] });
  await enter('planning');
  const decided = await call(world, makePlan, { run, now: world.pass(1) });
  if (decided.decision !== 'go') throw new Error(JSON.stringify(decided.reasons));
  await enter('creating-version');
  await call(world, chooseVersion, { run, now: world.pass(1) });
  await enter('rewrapping');
  for (const target of world.managed.targets.keys()) await moveAndVerify(world, run, target, 'forward');
  return run;
}

/** What a channel did not take is tried again by a timer. */
async function deliverLater(world: World): Promise<void> {
  world.pass(3600);
  await deliverOwed(world.ports);
}

/** A whole rotation, activity by activity, in the order of the orchestrator. */
export async function forwardStory(world: World): Promise<void> {
  const run = await begin(world);
  const on = () => ({ run, now: world.pass(1) });
  await call(world, enterPhase, { ...on(), phase: 'soaking', reasons: [] });
  await call(world, beginSoak, on());
  await call(world, probeTargets, on());
  await moveAndVerify(world, run, world.managed.targets.length - 1, 'forward');
  await call(world, enterPhase, { ...on(), phase: 'completed', reasons: [] });
  await call(world, sendAlert, { ...on(), alert: 'completed', occasion: 'end', reasons: [] });
  await deliverLater(world);
}

/** The same, called back by an operator when every target has moved. */
export async function backStory(world: World): Promise<void> {
  const run = await begin(world);
  const on = () => ({ run, now: world.pass(1) });
  await call(world, command, { rotationId, command: 'rollback', actor: 'ann' });
  const reasons = [{ code: 'operator-rollback', message: 'ann asked for a rollback.' }];
  await call(world, enterPhase, { ...on(), phase: 'rolling-back', reasons });
  const { targets } = await call(world, listUndo, on());
  await call(world, proveWayBack, on());
  for (const target of targets.toReversed()) await moveAndVerify(world, run, target, 'back');
  await call(world, enterPhase, { ...on(), phase: 'rolled-back', reasons });
  await call(world, sendAlert, { ...on(), alert: 'rolled-back', occasion: 'end', reasons });
  await deliverLater(world);
}

const kidIn = (body: Record<string, unknown>): string | null => {
  const { encryption } = body['properties'] as { encryption: { keyVaultProperties: { keyIdentifier: string }[] } };
  return versionOf(encryption.keyVaultProperties.at(-1)?.keyIdentifier ?? '');
};

/** What must be the same however often an answer was lost on the way. */
export async function essenceOf(world: World) {
  const { claim, undo } = await world.ledger.read(key);
  const { phase, rotationId: holder, generation, nextVersion, direction } = claim ?? {};
  return {
    claim: { phase, holder, generation, nextVersion, direction },
    undo: undo.map(({ target, kid, fingerprints }) => ({ target, kid, slots: Object.keys(fingerprints) })),
    hub: kidIn(world.hub.body),
    dps: kidIn(world.dps.body),
    records: world.store.all().map((record) => [record.id.rowKey, versionOf(record.kid), record.previous !== null]),
    versions: (await world.keyVault.versions(key)).map(({ version }) => version),
    audit: world.auditLog
      .stored(key)
      .map(({ action, target, outcome }) => [action, target, outcome].join(' '))
      // A probe without an answer is told, and asked again; a command that was answered by a fault is given again, and both are told.
      .filter((told, index, all) => !told.startsWith('command') || all.indexOf(told) === index)
      .filter((told) => !told.startsWith('probe ')),
    history: [...world.history.rotations.values()].map(({ endedAt: _endedAt, ...rotation }) => rotation),
    alerts: [...new Set(world.alerts.sent.map(({ id }) => id))],
  };
}

/** Every method of every port that a story called, with the number of calls. */
export function callsOf(world: World) {
  const fakes = {
    ledger: world.ledger,
    auditLog: world.auditLog,
    history: world.history,
    plans: world.plans,
    keyVault: world.keyVault,
    resourceManager: world.resourceManager,
    store: world.store,
    alerts: world.alerts,
  };
  const methods = {
    ledger: ['read', 'update'],
    auditLog: ['append'],
    history: ['get', 'put'],
    plans: ['put'],
    keyVault: ['versions', 'version', 'rotationPolicy', 'createVersion', 'unwrap'],
    resourceManager: ['find', 'put', 'post', 'operation'],
    store: ['page', 'kids', 'read', 'replace'],
    alerts: ['send'],
  } as const;
  type Name = keyof typeof fakes;
  return (Object.keys(fakes) as Name[]).flatMap((name) =>
    methods[name].map((method) => ({
      name,
      method,
      count: (fakes[name].interfere.calls as (method: string) => number)(method),
      interfere: (other: World) => fakesOf(other)[name].interfere as unknown as AnyInterference,
    })),
  );
}

interface AnyInterference {
  loseAnswer(method: string, nth?: number, error?: Error): void;
  fail(method: string, nth?: number, error?: Error): void;
}

const fakesOf = (world: World) => ({
  ledger: world.ledger,
  auditLog: world.auditLog,
  history: world.history,
  plans: world.plans,
  keyVault: world.keyVault,
  resourceManager: world.resourceManager,
  store: world.store,
  alerts: world.alerts,
});
