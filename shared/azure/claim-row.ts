import type { Claim } from '../rotation/ports';
import { longText, nullableTextOf, type Row, readLongText, textOf } from './tables';

/** A claim as columns that a person can read in a table browser. Null values have no column: the row is replaced as a whole. */
export function claimColumns(claim: Claim): Record<string, string | number | boolean> {
  const { cause, plan, lastRun, revocation, adopt, adoptedFrom, replacedBy, replaces, untold, ...flat } = claim;
  const columns: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(flat)) if (value !== null) columns[name] = value;
  if (cause !== null) Object.assign(columns, longText('cause', JSON.stringify(cause)));
  if (plan !== null) Object.assign(columns, longText('plan', JSON.stringify(plan)));
  if (adopt !== undefined) Object.assign(columns, longText('adopt', JSON.stringify(adopt)));
  if (adoptedFrom !== undefined) Object.assign(columns, longText('adoptedFrom', JSON.stringify(adoptedFrom)));
  if (revocation !== undefined) Object.assign(columns, longText('revocation', JSON.stringify(revocation)));
  if (replacedBy !== undefined) Object.assign(columns, longText('replacedBy', JSON.stringify(replacedBy)));
  if (replaces !== undefined) Object.assign(columns, longText('replaces', JSON.stringify(replaces)));
  if (untold !== undefined) Object.assign(columns, longText('untold', JSON.stringify(untold)));
  if (lastRun !== undefined) Object.assign(columns, longText('lastRun', JSON.stringify(lastRun)));
  return columns;
}

export function readClaim(row: Row): Claim {
  const lastRun = readJson<NonNullable<Claim['lastRun']>>(row, 'lastRun');
  const revocation = readJson<NonNullable<Claim['revocation']>>(row, 'revocation');
  const adopt = readJson<NonNullable<Claim['adopt']>>(row, 'adopt');
  const adoptedFrom = readJson<NonNullable<Claim['adoptedFrom']>>(row, 'adoptedFrom');
  const replacedBy = readJson<NonNullable<Claim['replacedBy']>>(row, 'replacedBy');
  const replaces = readJson<NonNullable<Claim['replaces']>>(row, 'replaces');
  const untold = readJson<NonNullable<Claim['untold']>>(row, 'untold');
  const replacement = nullableTextOf(row, 'replacement');
  const heldFor = nullableTextOf(row, 'heldFor');
  const run = nullableTextOf(row, 'run') as Claim['run'] | null;
  return {
    key: textOf(row, 'key'),
    generation: Number(row['generation']),
    rotationId: nullableTextOf(row, 'rotationId'),
    instanceId: nullableTextOf(row, 'instanceId'),
    bound: row['bound'] === true,
    claimedAt: textOf(row, 'claimedAt'),
    requestedAt: textOf(row, 'requestedAt'),
    reason: textOf(row, 'reason'),
    cause: readJson(row, 'cause'),
    toVersion: nullableTextOf(row, 'toVersion'),
    phase: textOf(row, 'phase') as Claim['phase'],
    waitingFor: nullableTextOf(row, 'waitingFor') as Claim['waitingFor'],
    direction: textOf(row, 'direction') as Claim['direction'],
    plan: readJson(row, 'plan'),
    nextVersion: nullableTextOf(row, 'nextVersion'),
    soakStartedAt: nullableTextOf(row, 'soakStartedAt'),
    recheck: row['recheck'] === true,
    // Rows that were written before a column came to be have none of it.
    purpose: (nullableTextOf(row, 'purpose') ?? 'rotation') as Claim['purpose'],
    lastRotationId: nullableTextOf(row, 'lastRotationId'),
    backOffUntil: nullableTextOf(row, 'backOffUntil'),
    orphanedSince: nullableTextOf(row, 'orphanedSince'),
    unchangedSince: nullableTextOf(row, 'unchangedSince') ?? textOf(row, 'claimedAt'),
    toldStuckSince: nullableTextOf(row, 'toldStuckSince'),
    ...(lastRun === null ? {} : { lastRun }),
    ...(revocation === null ? {} : { revocation }),
    ...(adopt === null ? {} : { adopt }),
    ...(adoptedFrom === null ? {} : { adoptedFrom }),
    ...(row['begun'] === true ? { begun: true } : {}),
    ...(replacement === null ? {} : { replacement }),
    ...(replacedBy === null ? {} : { replacedBy }),
    ...(replaces === null ? {} : { replaces }),
    ...(untold === null ? {} : { untold }),
    ...(heldFor === null ? {} : { heldFor }),
    ...(run === null || run === undefined ? {} : { run }),
  };
}

function readJson<T>(row: Row, name: string): T | null {
  const text = readLongText(row, name);
  return text === null ? null : (JSON.parse(text) as T);
}
