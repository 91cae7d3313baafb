import type { Page } from '../contracts/rotation';
import { noRotation } from './audit-chain';
import { FaultError, RefusalError } from './errors';
import { tellOfHistory } from './history-alerts';
import type { AuditLog, AuditRecord, ChainBreak } from './ports';
import type { RotationPorts } from './run-ports';
import { seal } from './sealing';
import type { AuditVerification, ChainVerdict } from './verify-history';
import { verifyKey } from './verifying';

type CarePorts = Pick<RotationPorts, 'auditLog' | 'sealing' | 'alerts' | 'outbox' | 'now'>;

/**
 * Signs and anchors what is new in a history; for the sweep, and for the end of a run. What was tampered with is not signed: a new chain
 * begins, which says why, and an alert goes out. What fails alerts once, and is tried again by the next sweep.
 * @throws FaultError when not even that could be put on record
 */
export function lookAfterHistory(ports: CarePorts, key: string): Promise<void> {
  return sealOrTell(ports, key, (fault) => tellNotSealed(ports, key, fault));
}

async function sealOrTell(ports: CarePorts, key: string, onFault: (fault: FaultError) => Promise<void>): Promise<void> {
  const { sealing, auditLog } = ports;
  if (sealing === undefined) return;
  const now = ports.now();
  try {
    const sealed = await seal({ auditLog, sealing }, key, now);
    if (sealed.kind === 'broken') await beginAnew(ports, key, sealed.why);
  } catch (error) {
    if (!(error instanceof FaultError || error instanceof RefusalError)) throw error;
    if (error instanceof RefusalError && keyIsGone.has(error.code)) await endSignedChain(ports, key, error);
    else if (error instanceof FaultError) await onFault(error);
    else await tellNotSealed(ports, key, error);
  }
}

/** The same at the end of a run and in the middle of one: nothing that goes wrong with it is the run's matter, and a fault is left to the sweep. */
export async function sealQuietly(ports: CarePorts, key: string): Promise<void> {
  await sealOrTell(ports, key, async () => undefined).catch(() => undefined);
}

/** A log that has its head signed after every so many records. */
export function sealedAlong(auditLog: AuditLog, every: number, sealNow: (key: string) => Promise<void>): AuditLog {
  return {
    ...auditLog,
    async append(key, entry, idempotencyKey) {
      const record = await auditLog.append(key, entry, idempotencyKey);
      if (record.sequence % every === 0) await sealNow(key);
      return record;
    },
  };
}

const keyGone = 'signing-key-gone';

/** Key Vault's refusals that mean: this key signs nothing any more, and its public half may not be had either. */
const keyIsGone: ReadonlySet<string> = new Set([
  'version-not-found',
  'version-disabled',
  'version-expired',
  'key-deleted',
  'signing-key-unfit',
]);

/** Once: a chain that never had a signed head, or began for this very reason, has nothing to end. */
async function endSignedChain(ports: CarePorts, key: string, { message }: RefusalError): Promise<void> {
  const { auditLog } = ports;
  const head = await auditLog.head(key);
  const last = head && (await auditLog.newestSeal(key, head.chain));
  if (head === null || last === null) {
    const first = head && (await firstAfter(auditLog, key, { chain: head.chain, sequence: 0 }));
    if (first?.details['fault'] === keyGone) return;
    return tellNotSealed(ports, key, new RefusalError(keyGone, message));
  }
  await beginAnew(ports, key, {
    brokenChain: head.chain,
    brokenSequence: last.sequence + 1,
    fault: keyGone,
    message: `The key that signed its head cannot be used any more, so nothing after record ${last.sequence} is signed. ${message}`,
    lastGood: head,
  });
}

/**
 * Told before the chain begins: once it has begun, the break is on record, and whoever died in between would be the last who knew that nobody was told.
 * @param seenTo the newest chain when the break was found: whoever found it at the same time may have begun another since
 */
async function beginAnew(ports: CarePorts, key: string, why: ChainBreak, seenTo = why.brokenChain): Promise<void> {
  const head = await ports.auditLog.head(key);
  const after = Math.max(head?.chain ?? 0, why.brokenChain);
  const broken = { chain: why.brokenChain, sequence: why.brokenSequence, fault: why.fault };
  for (let chain = seenTo + 1; chain <= after; chain++) {
    if (await saysWhy(ports.auditLog, key, chain, broken)) return;
  }
  const at = ports.now().toISOString();
  await tellOfBreak(ports, key, after + 1, why, at);
  await ports.auditLog.beginChain(key, after, { ...why, told: true }, at);
}

function tellOfBreak(
  ports: CarePorts,
  key: string,
  newChain: number,
  { brokenChain, brokenSequence, fault, message }: Omit<ChainBreak, 'lastGood'>,
  at: string,
): Promise<void> {
  const facts = { chain: brokenChain, sequence: brokenSequence, fault, newChain };
  return tellOfHistory(ports, 'history-broken', { key, occasion: `${newChain}`, at, facts, reason: message });
}

/**
 * An append that finds rows gone begins a chain by itself, so that a run can go on, and tells nobody. That it was told of is on record
 * afterwards.
 */
async function tellOfBeginnings(ports: CarePorts, key: string, chains: readonly ChainVerdict[]): Promise<void> {
  for (const { chain, begins } of chains) {
    const first = begins && (await firstAfter(ports.auditLog, key, { chain, sequence: 0 }));
    const about = { alert: 'history-broken', chain } as const;
    const { brokenChain, brokenSequence, fault, told } = first?.details ?? {};
    // A beginning that was tampered with is a break of its own.
    if (first === null || typeof brokenChain !== 'number' || told === true) continue;
    if (await isTold(ports.auditLog, key, first, about)) continue;
    const why = { brokenChain, brokenSequence: Number(brokenSequence), fault: String(fault) };
    await tellOfBreak(ports, key, chain, { ...why, message: first.message }, first.at);
    await noteTold(ports, key, about, `Alert handed over: why chain ${chain} has begun.`);
  }
}

/** What an alert was about, as the record of its handing over says it. */
type Told =
  | { readonly alert: 'history-broken'; readonly chain: number }
  | { readonly alert: 'history-not-sealed'; readonly occasion: string };

const markOf = (told: Told): string => `${told.alert === 'history-broken' ? told.chain : told.occasion}`;

async function noteTold(ports: CarePorts, key: string, told: Told, message: string): Promise<void> {
  const entry = {
    ...{ rotationId: noRotation, at: ports.now().toISOString(), actor: 'keyturn', action: 'alert', target: null },
    ...{ outcome: 'done' as const, message, details: told },
  };
  await ports.auditLog.append(key, entry, `history|told|${markOf(told)}`);
}

/** @param since the record of what there is to tell: that it was told is on record after it */
async function isTold(auditLog: AuditLog, key: string, since: AuditRecord, told: Told): Promise<boolean> {
  const query = { rotationId: noRotation, outcome: 'done' as const, from: new Date(since.at), limit: 100 };
  const isIt = ({ action, details }: AuditRecord): boolean =>
    action === 'alert' && Object.entries(told).every(([name, value]) => details[name] === value);
  for (let continuation: string | null = null; ; ) {
    const page: Page<AuditRecord> = await auditLog.list(key, { ...query, continuation });
    if (page.items.some(isIt)) return true;
    if (page.continuation === null) return false;
    ({ continuation } = page);
  }
}

/**
 * A hiccup is no news: what a fault keeps from being signed alerts when it has lasted. It lasts from the first try that failed, not from
 * the oldest record that is not signed: after an outage of the app that may be days old, and the first try may meet a hiccup.
 */
const faultsMayLastMilliseconds = 3600 * 1000;

async function tellNotSealed(ports: CarePorts, key: string, error: FaultError | RefusalError): Promise<void> {
  const { auditLog } = ports;
  const now = ports.now();
  const head = await auditLog.head(key);
  const last = head && (await auditLog.newestSeal(key, head.chain));
  const since = last?.sequence ?? 0;
  const failure = { code: error.code, reason: error.message, occasion: `${head?.chain ?? 1}.${since}.${error.code}` };
  if (error instanceof FaultError) {
    // Somebody else may have signed it meanwhile.
    if (head === null || since >= head.sequence) return;
    const first = await noteFailure(ports, key, 'seal-failed', failure);
    if (now.getTime() - Date.parse(first.at) < faultsMayLastMilliseconds) return;
  }
  await noteOnce(ports, key, failure);
}

async function firstAfter(
  auditLog: AuditLog,
  key: string,
  place: { chain: number; sequence: number },
): Promise<AuditRecord | null> {
  const { records } = await auditLog.trail(key, place);
  for await (const record of records) return record;
  return null;
}

interface Failure {
  readonly code: string;
  readonly reason: string;
  readonly occasion: string;
}

/** On record once for each occasion; answers that record, whoever wrote it. */
function noteFailure(
  ports: CarePorts,
  key: string,
  what: string,
  { code, reason, occasion }: Failure,
): Promise<AuditRecord> {
  const entry = {
    rotationId: noRotation,
    at: ports.now().toISOString(),
    actor: 'keyturn',
    action: 'seal',
    target: null,
    outcome: 'failed' as const,
    message: `The head of this history could not be signed and anchored: ${reason}`,
    details: { code },
  };
  return ports.auditLog.append(key, entry, `history|${what}|${occasion}`);
}

/** On record, and told, once for each occasion; once more by whoever comes after one that died before it was on record that it was told. */
async function noteOnce(ports: CarePorts, key: string, failure: Failure): Promise<void> {
  const { code, reason, occasion } = failure;
  const noted = await noteFailure(ports, key, 'not-sealed', failure);
  const about = { alert: 'history-not-sealed', occasion } as const;
  if (await isTold(ports.auditLog, key, noted, about)) return;
  await tellOfHistory(ports, 'history-not-sealed', { key, occasion, at: noted.at, facts: { code }, reason });
  await noteTold(ports, key, about, `Alert handed over: the head of this history could not be signed (${code}).`);
}

/**
 * For a timer, once a day: verifies a history, and where a chain is broken of which no later one says so, begins a new chain and
 * alerts. Nothing is mended or taken away: what is there stays as evidence.
 */
export async function verifyAndTell(ports: CarePorts, key: string): Promise<AuditVerification> {
  const { sealing, auditLog } = ports;
  // What is new and whole is signed first: what the sweep was about to sign is not missing.
  if (sealing !== undefined) await seal({ auditLog, sealing }, key, ports.now()).catch(() => undefined);
  const verdict = await verifyKey(ports, key);
  await tellOfBeginnings(ports, key, verdict.chains);
  for (const broken of verdict.chains) {
    if (broken.brokenAt === null) continue;
    const { sequence, fault, message } = broken.brokenAt;
    if (await isOnRecord(auditLog, key, verdict.chains, { chain: broken.chain, sequence, fault })) continue;
    if (fault === 'anchor-missing') {
      await noteOnce(ports, key, { code: fault, reason: message, occasion: `${broken.chain}.${sequence}.missing` });
      continue;
    }
    const lastGood = broken.head === null ? null : { chain: broken.chain, sequence: broken.records, hash: broken.head };
    const why = { brokenChain: broken.chain, brokenSequence: sequence, fault, message, lastGood };
    await beginAnew(ports, key, why, verdict.chains.at(-1)?.chain);
  }
  return verdict;
}

interface Break {
  readonly chain: number;
  readonly sequence: number;
  readonly fault: string;
}

/** A later chain, of those that hold, says so. */
async function isOnRecord(
  auditLog: AuditLog,
  key: string,
  chains: readonly ChainVerdict[],
  broken: Break,
): Promise<boolean> {
  for (const { chain, begins } of chains) {
    if (chain <= broken.chain || begins?.brokenChain !== broken.chain) continue;
    if (await saysWhy(auditLog, key, chain, broken)) return true;
  }
  return false;
}

/** Whether a chain began because of this break; what it still called good is news when it holds no more. */
async function saysWhy(auditLog: AuditLog, key: string, chain: number, broken: Break): Promise<boolean> {
  const first = await firstAfter(auditLog, key, { chain, sequence: 0 });
  const { brokenChain, fault, lastGoodChain, lastGoodSequence } = first?.details ?? {};
  if (brokenChain !== broken.chain) return false;
  const wasGood = lastGoodChain === broken.chain && broken.sequence <= Number(lastGoodSequence);
  return !wasGood || fault === broken.fault;
}
