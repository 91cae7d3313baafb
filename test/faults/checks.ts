import type { AuditVerification } from '../../shared/rotation/verify-history';
import { kek } from '../simulation/cloud';
import type { Simulation } from '../simulation/simulation';
import { isAnswered } from './answered';
import type { Director } from './director';
import type { World } from './schedule';
import { historyFaults } from './tampering';
import { untoldEnds } from './told';

interface Ended {
  readonly rests: boolean;
  readonly director: Director;
  /** SAS keys before anything began. */
  readonly policies: string;
  readonly world: World;
}

/** Everything that has to hold when a schedule is over. @returns what does not */
export async function faultsAtEnd(simulation: Simulation, ended: Ended): Promise<readonly string[]> {
  simulation.reader.readAll();
  const verified = await simulation.ask('verifyAudit', { method: 'GET', path: 'audit/verify' }, 'ann');
  return [
    ...ended.director.seen,
    ...(ended.rests ? [] : [`stuck: ${standing(simulation)}`]),
    ...simulation.judge
      .atEnd()
      .filter(({ invariant, seen }) => !isExplained(ended.director, invariant, seen))
      .map(({ invariant, seen }) => `${invariant}: ${seen}`),
    ...(isAnswered(simulation, ended.world) ? [] : [`nobody answered ${ended.world.cause}: ${standing(simulation)}`]),
    ...historyFaults(simulation, ended.director.tampered, verified.body as unknown as AuditVerification),
    ...untoldEnds(simulation),
    ...lostKeys(simulation, ended.policies),
    ...simulation.logged
      .filter((line) => /^\w+ failed: (?!.*as the schedule has it)/.test(line))
      .map((line) => `thrown: ${line}`),
  ];
}

/**
 * Whoever moves a target behind a run's back decides where it stands at the end of that run; and who does so at the very last moment before a
 * version is disabled is seen by nobody.
 */
function isExplained({ moved, shut, raced }: Director, invariant: string, seen: string): boolean {
  if (invariant === 'I1')
    return [...raced].some((kid) => seen.includes(`${kid} is disabled although it is referred to`));
  if (invariant === 'I10') return [...shut].some((kind) => seen.includes(`${kind} cannot open its data`));
  return (
    invariant === 'I8' &&
    moved.some(({ kind, rotationId }) => seen.startsWith(`${rotationId} `) && seen.includes(` ${kind}/`))
  );
}

function standing({ cloud, rotations }: Simulation): string {
  const { claim } = cloud.ledger.look(kek);
  const runs = rotations.map(({ rotationId, phase, waitingFor }) => `${rotationId} ${phase} (waits for ${waitingFor})`);
  return `${runs.join(', ')}; the claim is ${claim?.rotationId ?? 'free'} in ${claim?.phase}, ${claim?.purpose}`;
}

function lostKeys({ cloud }: Simulation, before: string): readonly string[] {
  const now = JSON.stringify(cloud.services.map((service) => service.policies));
  return now === before ? [] : ['a service has other SAS keys than before'];
}
