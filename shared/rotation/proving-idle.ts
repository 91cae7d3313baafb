import type { Idleness, RunReference } from '../contracts/activities';
import type { Reason, RetirementEvidence } from '../contracts/rotation';
import { discoveredReferences } from './discovery';
import { RefusalError } from './errors';
import { keptForBackups } from './kept-versions';
import { sameKey, versionOf } from './key-identifier';
import { askLog, usedSince } from './log-evidence';
import type { Retirement } from './ports';
import { keptOf } from './replacing';
import { putRetirement, retirementOf } from './retirement-record';
import type { RotationPorts } from './run-ports';
import { fenceOf, managedKey, record } from './run-record';
import { eachSideBySide, readsAtOnce } from './side-by-side';

interface OnRun {
  readonly run: RunReference;
  readonly now: string;
}

/**
 * Whether the versions may go: policy does not keep them for backups; nothing that is visible refers to them; and, where there is a
 * log, nobody but us used them of late. What cannot be read is not idle (I12). The log comes late, so the answer may be to ask again.
 */
export async function proveIdle(
  ports: RotationPorts,
  input: OnRun & { readonly markedAt?: string },
): Promise<Idleness> {
  const { run, now } = input;
  await fenceOf(ports, run, 'forward')();
  const retirement = await retirementOf(ports, run);
  const keep = keptOf(managedKey(ports, run.key), (await ports.ledger.read(run.key)).claim);
  const kept = keptForBackups(await ports.ledger.retirements(run.key), retirement, keep, new Date(now));
  if (kept !== null) return { ...(await refused(ports, input, [kept])), kept: true };
  const references = await referencesTo(ports, run.key, retirement.versions);
  if (references.length > 0) return refused(ports, input, references);
  const asked = await evidenceOf(ports, input, retirement);
  if ('ask' in asked) return { idle: false, reasons: [], ask: asked.ask };
  if ('reason' in asked) return refused(ports, input, [asked.reason]);
  const { evidence } = asked;
  await putRetirement(ports, run, { ...retirement, evidence });
  await record(
    ports,
    run,
    {
      at: now,
      action: 'prove-idle',
      target: null,
      outcome: 'done',
      message: sentenceOf(evidence),
      details: {
        strongest: evidence.strength,
        targets: evidence.targets,
        references: 0,
        logFrom: evidence.log?.from ?? null,
        logUntil: evidence.log?.until ?? null,
        logNewestRecord: evidence.log?.newestRecord ?? null,
        ownUses: evidence.log?.ownUses ?? null,
      },
    },
    now,
  );
  return { idle: true, reasons: [] };
}

/** @throws RefusalError unless what was proved still holds at this very moment */
export async function requireStillIdle(
  ports: RotationPorts,
  { run, now }: OnRun,
  retirement: Retirement,
): Promise<void> {
  const references = await referencesTo(ports, run.key, retirement.versions);
  if (references.length > 0) {
    throw new RefusalError(
      references[0]?.code ?? 'still-referred-to',
      references.map(({ message }) => message).join(' '),
    );
  }
  const { vaultLog } = ports;
  if (vaultLog === null) return;
  if (retirement.evidence?.strength !== 'vault-log') {
    throw new RefusalError('log-not-asked', "The vault's log was not asked who uses the version. It is tried again.");
  }
  const used = await usedSince(vaultLog, { ...questionOf(ports, run.key, retirement), now });
  if (used !== null) throw new RefusalError(used.code, used.message);
}

/** What can be seen to refer to the versions: hubs and DPS, configured or discovered, and records of data keys. A kept old blob is not a reference. */
async function referencesTo(
  ports: RotationPorts,
  key: string,
  versions: readonly string[],
): Promise<readonly Reason[]> {
  const { targets } = managedKey(ports, key);
  const found = await eachSideBySide(targets, readsAtOnce, async ({ kind, name, references }) => {
    const named = (await references('settled')).map((kid) => ({ kid, version: versionOf(kid) }));
    // An unversioned identifier follows by itself, nobody knows when: it may stand on any version.
    const referring = named.filter(
      ({ kid, version }) => version === null || (versions.includes(version) && sameKey(kid, key)),
    );
    return referring.map(
      ({ kid }): Reason => ({ code: 'still-referred-to', message: `${kind}/${name} still refers to ${kid}.` }),
    );
  });
  return [...found.flat(), ...(await discoveredReferences(ports, key, versions))];
}

async function evidenceOf(
  ports: RotationPorts,
  { run, now, markedAt }: OnRun & { readonly markedAt?: string },
  retirement: Retirement,
): Promise<
  | { readonly evidence: RetirementEvidence }
  | { readonly reason: Reason }
  | { readonly ask: NonNullable<Idleness['ask']> }
> {
  const {
    targets,
    retirement: policy,
    policy: { watchSeconds },
  } = managedKey(ports, run.key);
  const { vaultLog } = ports;
  const seen = { at: now, targets: targets.length };
  if (vaultLog === null) {
    if (policy.evidence === 'vault-log') return { reason: noLog };
    return { evidence: { strength: 'control-plane', ...seen, log: null } };
  }
  // The mark: what a log that works must show of us before it is believed of others.
  if (markedAt === undefined) await ports.keyVault.versions(run.key);
  const question = { ...questionOf(ports, run.key, retirement), cacheSeconds: watchSeconds };
  const answer = await askLog(vaultLog, { ...question, markedAt: markedAt ?? null, now });
  switch (answer.kind) {
    case 'ask':
      return { ask: { afterSeconds: answer.afterSeconds, markedAt: answer.markedAt } };
    case 'not-idle':
      return { reason: answer.reason };
    case 'quiet':
      return { evidence: { strength: 'vault-log', ...seen, log: answer.log } };
  }
}

const questionOf = (ports: RotationPorts, key: string, { versions, completedAt }: Retirement) => ({
  key,
  versions,
  since: completedAt,
  quietSeconds: managedKey(ports, key).retirement.quietSeconds,
});

const howToGetIt =
  "For more, send the vault's category AuditEvent to a Log Analytics workspace and set KEYTURN_LOG_WORKSPACE_ID.";

const noLog: Reason = {
  code: 'log-required',
  message: `Policy asks for the vault's log ("retirementEvidence"), and none is set. ${howToGetIt}`,
};

function sentenceOf({ strength, targets, log }: RetirementEvidence): string {
  const seen = `${strength}: none of ${targets} targets, and no hub or DPS that was discovered, refers to the versions`;
  if (log === null) return `${seen}. An unknown user of the key would not show. ${howToGetIt}`;
  const { from, until, newestRecord, ownUses } = log;
  return `${seen}, and by the vault's log nobody but Keyturn (${ownUses} times) used them from ${from} to ${until}; its newest record is of ${newestRecord}.`;
}

async function refused(ports: RotationPorts, { run, now }: OnRun, reasons: readonly Reason[]): Promise<Idleness> {
  await record(
    ports,
    run,
    {
      at: now,
      action: 'prove-idle',
      target: null,
      outcome: 'refused',
      message: reasons.map(({ message }) => message).join(' '),
      details: { code: reasons[0]?.code ?? null, references: reasons.length },
    },
    now,
  );
  return { idle: false, reasons };
}
