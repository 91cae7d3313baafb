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
