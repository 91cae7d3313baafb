import type { ChainHead, SignedHead, SignerStanding } from './ports';
import type { RotationPorts } from './run-ports';
import type { Sealing } from './sealing';
import { type AuditVerification, verifyHistory } from './verify-history';

/**
 * Verifies the whole history of a KEK by everything there is: records, heads, signed heads, anchors, and the vault's word on who signed.
 * @throws FaultError when something of that cannot be reached: no verdict is better than a wrong one
 */
export async function verifyKey(
  ports: Pick<RotationPorts, 'auditLog' | 'sealing' | 'now'>,
  key: string,
): Promise<AuditVerification> {
  const { auditLog, sealing } = ports;
  // Before the records, so that nothing that was signed or anchored is newer than they are.
  const { seals, anchors } = await signedPlaces(ports, key);
  const standings = new Map<string, SignerStanding>();
  for (const { kid } of seals) {
    if (!standings.has(kid)) standings.set(kid, (await sealing?.signer.standingOf(kid)) ?? notConfigured);
  }
  const { heads, records } = await auditLog.trail(key);
  const signer =
    sealing === undefined && seals.length === 0
      ? null
      : ({ kid }: { kid: string }) => standings.get(kid) ?? notConfigured;
  return verifyHistory({
    key,
    records,
    heads,
    seals,
    anchors,
    signer,
    now: sealing === undefined ? null : ports.now(),
  });
}

/** Signed heads without any key configured: somebody took it out of the configuration. */
const notConfigured = { standing: 'gone', why: 'the configuration names no auditKey' } as const;

/** Every signed head, from beside the records or, where that row was taken away, from its anchor; and which of them are anchored. */
export async function signedPlaces(
  { auditLog, sealing }: Pick<RotationPorts, 'auditLog' | 'sealing'>,
  key: string,
): Promise<{ readonly seals: readonly SignedHead[]; readonly anchors: readonly ChainHead[] | null }> {
  // In this order: an anchor is written before the row beside the records.
  const kept = await auditLog.seals(key);
  if (sealing === undefined) return { seals: kept, anchors: null };
  const anchors = await sealing.anchors.places(key);
  return { seals: [...kept, ...(await onlyAnchored(sealing, key, kept, anchors))], anchors };
}

/** Where the row beside the records was taken away, the anchor still has all of it. */
async function onlyAnchored(
  { anchors }: Sealing,
  key: string,
  kept: readonly SignedHead[],
  places: readonly ChainHead[],
): Promise<readonly SignedHead[]> {
  const known = new Set(kept.map(({ chain, sequence, hash }) => `${chain}/${sequence}/${hash}`));
  const found: SignedHead[] = [];
  for (const place of places) {
    if (known.has(`${place.chain}/${place.sequence}/${place.hash}`)) continue;
    const signed = await anchors.read(key, place);
    if (signed !== null) found.push(signed);
  }
  return found;
}
