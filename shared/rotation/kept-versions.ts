import type { Reason } from '../contracts/rotation';
import type { Retirement } from './ports';
import type { RetirementPolicy } from './run-ports';

/**
 * Why the versions of a retirement stay enabled although nothing uses them: a backup made while they were in use needs them when it is
 * restored. By count: those of the latest so many completed rotations; by age: those that went out of use less than so long ago.
 * @param all the KEK's retirements, in any order; those that ended in a rollback do not count
 * @returns null where policy lets them go
 */
export function keptForBackups(
  all: readonly Retirement[],
  { rotationId, versions, completedAt }: Retirement,
  { count, ageSeconds }: RetirementPolicy['keep'],
  now: Date,
): Reason | null {
  const names = versions.join(', ');
  const code = 'kept-for-backups';
  const until = new Date(Date.parse(completedAt) + ageSeconds * 1000);
  if (now < until) {
    const message = `${names} went out of use at ${completedAt} and is kept for backups until ${until.toISOString()}.`;
    return { code, message };
  }
  const newer = all.filter((each) => each.status !== 'ended' && isAfter(each, { rotationId, completedAt }));
  if (newer.length >= count) return null;
  const left = count - newer.length;
  const message = `${names} is kept for backups, as one of the last ${count} to go out of use, until ${left} more ${left === 1 ? 'rotation has' : 'rotations have'} completed.`;
  return { code, message };
}

const isAfter = (one: Retirement, other: Pick<Retirement, 'rotationId' | 'completedAt'>): boolean => {
  const [left, right] = [Date.parse(one.completedAt), Date.parse(other.completedAt)];
  return left === right ? one.rotationId > other.rotationId : left > right;
};
