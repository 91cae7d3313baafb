import type { Passing, Verdict } from './storage-front';
import type { Trial } from './trial';

/** Which of the requests that pass are struck: one of each block, at a place in its first half that chance chooses. */
function share({ chance }: Trial, of: number): () => boolean {
  const block = Math.round(1 / of);
  let place = 0;
  let at = 0;
  return () => {
    if (at % block === 0) place = chance.between(0, Math.ceil(block / 2) - 1);
    return at++ % block === place;
  };
}

/** Other trials' records are left alone; what the app keeps for itself is everybody's. */
function concerns(trial: Trial, { target, writes }: Passing): boolean {
  if (writes.length > 0) return writes.some(({ table }) => table === trial.name);
  return /Keyturn/i.test(target) || target.includes(`/${trial.name}(`);
}

/** Both services of the storage account, tables and blobs. @returns what ends it */
function everywhere({ ground }: Trial, guard: (passing: Passing) => Verdict | undefined): () => void {
  const ends = [ground.front.guard(guard), ground.blobFront.guard(guard)];
  return () => {
    for (const end of ends) end();
  };
}

/** Storage does this share of what it is asked for, and is not heard of. @returns what ends it */
export function loseAnswers(trial: Trial, of: number): () => void {
  const strikes = share(trial, of);
  return everywhere(trial, (passing) => (concerns(trial, passing) && strikes() ? { kind: 'lose' } : undefined));
}

/**
 * Storage refuses a share of what it is asked for; and once `from` records have been tried, so many requests in a row.
 * @returns what ends it
 */
export function refuseStorage(trial: Trial, storm: { share: number; from: number; burst: number }): () => void {
  const strikes = share(trial, storm.share);
  let records = 0;
  let burst = storm.burst;
  return everywhere(trial, (passing) => {
    if (!concerns(trial, passing)) return undefined;
    records += passing.writes.length;
    const struck = strikes() || (records >= storm.from && burst-- > 0);
    return struck ? { kind: 'refuse' } : undefined;
  });
}

/** Every so many records all tokens end at once, while those who hold one still believe in it. @returns what ends it */
export function endTokens(trial: Trial, every: number): () => void {
  let next = every;
  return trial.onWrite(async (_, count) => {
    if (count < next) return undefined;
    next = count + every;
    await trial.ground.control('/tokens', { endAll: true });
    return undefined;
  });
}
