import type { RunReference } from '../contracts/activities';
import { BrokenInvariantError } from './errors';
import type { Claim, Retirement } from './ports';
import type { RotationPorts } from './run-ports';
import { changeClaim } from './run-record';

/** The retirement that a completed rotation left behind; null if it left none. */
export async function findRetirement(
  ports: Pick<RotationPorts, 'ledger'>,
  key: string,
  rotationId: string,
): Promise<Retirement | null> {
  return (await ports.ledger.retirements(key)).find((retirement) => retirement.rotationId === rotationId) ?? null;
}

/** @throws BrokenInvariantError if the run has none */
export async function retirementOf(ports: Pick<RotationPorts, 'ledger'>, run: RunReference): Promise<Retirement> {
  const found = await findRetirement(ports, run.key, run.rotationId);
  if (found === null) throw new BrokenInvariantError('retirement', `No retirement of ${run.rotationId} is on record.`);
  return found;
}

/** Puts it on record, if the claim is still ours. */
export const putRetirement = (
  ports: Pick<RotationPorts, 'ledger'>,
  run: RunReference,
  retirement: Retirement,
): Promise<Claim> => changeClaim(ports, run, ({ claim }) => ({ claim, putRetirement: retirement }));

/** Clocks of two machines that are both right differ by less. */
const clocksDifferSeconds = 300;

/**
 * Whether its day has come, by the clock of the engine that keeps the run's time: whoever looked for what is due may have had a clock that is
 * ahead. What was begun, or has only old blobs to forget, is gone on with whenever it is asked for.
 */
export const hasComeDue = ({ dueAt, disabledAt, status }: Retirement, now: string): boolean =>
  disabledAt !== null || status === 'retired' || Date.parse(dueAt) <= Date.parse(now) + clocksDifferSeconds * 1000;
