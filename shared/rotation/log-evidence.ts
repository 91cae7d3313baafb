import type { Reason, RetirementEvidence } from '../contracts/rotation';
import { FaultError, RefusalError } from './errors';
import type { LogWindow, VaultLog, VersionUse } from './ports';

/** Azure's documentation "Key Vault logging": a record can be read "10 minutes (at most)" after the operation. */
const logDelaySeconds = 600;
const askAgainSeconds = 300;
/** Our own read does not show after so long: then the log is not one to rest on today. */
const longestDelaySeconds = 3600;
/** How far the vault's clock and ours may lie apart. */
const skewSeconds = 60;
/** Timers may fire a little early. */
const marginSeconds = 2;

/** The longest that a retirement can be waiting for the log. */
export const longestAskingSeconds = longestDelaySeconds + logDelaySeconds + askAgainSeconds;

export interface LogQuestion {
  readonly key: string;
  readonly versions: readonly string[];
  /** When the rotation completed: what was used before says nothing. */
  readonly since: string;
  /** How long it must have been quiet, at most. */
  readonly quietSeconds: number;
  /** How long a service may cache a key: a window must be as long, or it shows nothing of those who live on a cached key. */
  readonly cacheSeconds: number;
  /** When the vault was read to leave a mark in its log; null if that has just been done. */
  readonly markedAt: string | null;
  readonly now: string;
}

export type LogAnswer =
  | { readonly kind: 'quiet'; readonly log: NonNullable<RetirementEvidence['log']> }
  | { readonly kind: 'not-idle'; readonly reason: Reason }
  | { readonly kind: 'ask'; readonly afterSeconds: number; readonly markedAt: string };

/**
 * Whether nobody but Keyturn used the versions. An empty answer of a log that stands still is no answer: so a read of the vault by
 * ourselves must show in it first, and then as long must have passed as a record may take. Whatever cannot be read is not quiet (I12).
 */
export async function askLog(vaultLog: VaultLog, question: LogQuestion): Promise<LogAnswer> {
  const { key, markedAt, now, cacheSeconds } = question;
  const window = windowOf(question);
  const until = markedAt ?? now;
  if (secondsBetween(window.from, until) < cacheSeconds) return { kind: 'not-idle', reason: tooShort(question) };
  try {
    if (markedAt === null) {
      // A first look that finds somebody spares the wait; one that finds nobody proves nothing yet.
      const { reason } = await usesIn(vaultLog, question, window);
      return reason === null
        ? { kind: 'ask', afterSeconds: logDelaySeconds + marginSeconds, markedAt: now }
        : { kind: 'not-idle', reason };
    }
    const sinceMark = { from: shifted(markedAt, -skewSeconds), until: window.until };
    const newestRecord = await vaultLog.newestRecord(key, sinceMark);
    if (newestRecord !== null) {
      // After the mark was seen, never before: what came into the log in between would not be looked at.
      const { reason, ownUses } = await usesIn(vaultLog, question, window);
      if (reason !== null) return { kind: 'not-idle', reason };
      return { kind: 'quiet', log: { from: window.from, until, newestRecord, ownUses } };
    }
  } catch (error) {
    if (!(error instanceof FaultError) && !(error instanceof RefusalError)) throw error;
    return { kind: 'not-idle', reason: unreadable(error) };
  }
  if (secondsBetween(markedAt, now) < longestDelaySeconds) {
    return { kind: 'ask', afterSeconds: askAgainSeconds, markedAt };
  }
  return { kind: 'not-idle', reason: behind(key, markedAt) };
}

/** One more look at the last moment, at what the log has by now. Null if it shows nobody. */
export async function usedSince(
  vaultLog: VaultLog,
  question: Omit<LogQuestion, 'cacheSeconds' | 'markedAt'>,
): Promise<Reason | null> {
  try {
    return (await usesIn(vaultLog, question, windowOf(question))).reason;
  } catch (error) {
    if (!(error instanceof FaultError) && !(error instanceof RefusalError)) throw error;
    return unreadable(error);
  }
}

type Asked = Pick<LogQuestion, 'key' | 'versions' | 'since' | 'quietSeconds' | 'now'>;

function windowOf({ since, quietSeconds, now }: Asked): LogWindow {
  const quiet = shifted(now, -quietSeconds);
  return { from: Date.parse(quiet) > Date.parse(since) ? quiet : since, until: shifted(now, skewSeconds) };
}

async function usesIn(
  vaultLog: VaultLog,
  { key, versions }: Asked,
  window: LogWindow,
): Promise<{ readonly reason: Reason | null; readonly ownUses: number }> {
  const own = await vaultLog.ownPrincipal();
  const uses = await vaultLog.uses(key, versions, window);
  const others = uses.filter(({ principalId }) => principalId === null || principalId !== own);
  const ownUses = uses.filter((use) => !others.includes(use)).reduce((sum, { count }) => sum + count, 0);
  return { reason: others.length === 0 ? null : stillUsed(others, window), ownUses };
}

/** The latest first: they say best who it is today. */
function stillUsed(uses: readonly VersionUse[], { from }: LogWindow): Reason {
  const latest = uses.toSorted((a, b) => Date.parse(b.lastAt) - Date.parse(a.lastAt)).slice(0, 5);
  const told = latest.map(({ version, principalId, operation, count, lastAt }) => {
    const which = version === null ? 'a version that the log does not name' : version;
    return `${count} ${operation} with ${which} by ${principalId ?? 'somebody whom the log does not name'}, last at ${lastAt}`;
  });
  const more = uses.length > latest.length ? `, and ${uses.length - latest.length} more` : '';
  const message = `The vault's log shows who still uses it since ${from}: ${told.join('; ')}${more}. Find whose it is, and move it to the new version.`;
  return { code: 'still-used', message };
}

const unreadable = ({ message }: Error): Reason => ({
  code: 'log-unreadable',
  message: `The vault's log cannot be read, so nobody knows who uses the version: ${message}`,
});

const tooShort = ({ since, cacheSeconds }: LogQuestion): Reason => ({
  code: 'log-window-short',
  message: `The rotation completed at ${since}. A service may live on a cached key for ${cacheSeconds} seconds ("watch"), so the log can show that nobody uses the version from ${shifted(since, cacheSeconds)} on.`,
});

const behind = (key: string, markedAt: string): Reason => ({
  code: 'log-behind',
  message: `Keyturn read the vault at ${markedAt}, and the log does not show it: it stands still, or the vault of ${key} does not send its category AuditEvent to this workspace. Check the vault's diagnostic settings.`,
});

const secondsBetween = (from: string, until: string): number => (Date.parse(until) - Date.parse(from)) / 1000;
const shifted = (time: string, seconds: number): string => new Date(Date.parse(time) + seconds * 1000).toISOString();
