import type { KeyView } from '../contracts/http';
import { sameKey, versionOf } from './key-identifier';
import type { KeyVersion, Retirement } from './ports';
import type { RotationPorts } from './run-ports';
import { managedKey } from './run-record';
import { readsAtOnce, settledSideBySide } from './side-by-side';

/** One KEK as `GET /api/keys` shows it. What cannot be read is null and said in `problem`; the other keys are shown all the same. */
export async function viewKey(ports: RotationPorts, key: string): Promise<KeyView> {
  const { targets, mode } = managedKey(ports, key);
  const [[versions, ledger, retirements, watch], stands] = await Promise.all([
    Promise.allSettled([
      ports.keyVault.versions(key),
      ports.ledger.read(key),
      ports.ledger.retirements(key),
      ports.watch.read(key),
    ]),
    settledSideBySide(targets, readsAtOnce, async (target) => (await target.references()).filter(mayBeOf(key))),
  ]);
  const known = answerOf(versions) ?? [];
  const named = stands.map(answerOf);
  const inUse = inUseOf(known, named);
  const pending = (answerOf(retirements) ?? []).findLast(({ status }) => status !== 'retired' && status !== 'ended');
  const failed = [versions, ...stands, ledger, retirements, watch].find((settled) => settled.status === 'rejected');
  return {
    key,
    mode,
    version: inUse?.version ?? null,
    createdOn: inUse?.createdOn.toISOString() ?? null,
    ageSeconds: inUse === null ? null : Math.floor((ports.now().getTime() - inUse.createdOn.getTime()) / 1000),
    expiresOn: inUse?.expiresOn?.toISOString() ?? null,
    targets: targets.map(({ kind, name }, index) => ({
      kind,
      name,
      version: versionOf(named[index]?.[0] ?? ''),
      versions: named[index]?.map((kid) => versionOf(kid)) ?? null,
    })),
    running: answerOf(ledger)?.claim?.rotationId ?? null,
    revokedAt: answerOf(ledger)?.claim?.revocation?.at ?? null,
    pendingRetirement: pending === undefined ? null : viewOf(pending),
    drifts: answerOf(watch)?.watched?.drifts ?? [],
    findings: answerOf(watch)?.watched?.findings ?? [],
    replacedBy: answerOf(ledger)?.claim?.replacedBy ?? null,
    replaces: answerOf(ledger)?.claim?.replaces ?? null,
    problem: failed === undefined ? null : messageOf(failed.reason),
  };
}

function viewOf(pending: Retirement): KeyView['pendingRetirement'] {
  const { rotationId, versions, completedAt, dueAt, status, reasons, evidence = null } = pending;
  return { rotationId, versions, completedAt, dueAt, status, reasons, evidence };
}
/** Records that another key wraps, as after a `replace`, stand on none of this one's versions; what cannot be read may. */
const mayBeOf =
  (key: string) =>
  (kid: string): boolean =>
    versionOf(kid) === null || sameKey(kid, key);

const answerOf = <T>(settled: PromiseSettledResult<T>): T | null =>
  settled.status === 'fulfilled' ? settled.value : null;

const messageOf = (reason: unknown): string => (reason instanceof Error ? reason.message : 'could not be read');

/** The oldest version that anything stands on: the one in use. A target that cannot be read may stand on an older one. */
function inUseOf(versions: readonly KeyVersion[], named: readonly (readonly string[] | null)[]): KeyVersion | null {
  if (named.includes(null)) return null;
  const all = new Set(named.flat().flatMap((kid) => versionOf(kid ?? '') ?? []));
  const used = versions.filter(({ version }) => all.has(version));
  return used.toSorted((a, b) => a.createdOn.getTime() - b.createdOn.getTime())[0] ?? null;
}
