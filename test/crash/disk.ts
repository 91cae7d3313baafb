import type { Rotation } from '../../shared/contracts/rotation';
import { versionOf } from '../../shared/rotation/key-identifier';
import type { Alert, AuditEntry, Claim, Command, DataKeyWrite, LedgerChange } from '../../shared/rotation/ports';
import type { Call } from '../edges/with-edges';
import { kek, v1 } from '../simulation/cloud';
import type { Simulation } from '../simulation/simulation';

/** What is on record and how things stand, in few words. */
export function diskOf({ cloud, standing }: Simulation): string {
  const { claim, undo, retirements } = cloud.ledger.look(kek);
  const held = claim === null || claim.rotationId === null ? 'claim free' : claimOf(claim);
  const saved = undo.map(({ kind }) => kind);
  const moved = Object.entries(standing).flatMap(([kind, kids]) => {
    const off = kids.filter((kid) => versionOf(kid) !== v1).length;
    return off === 0 ? [] : [off === kids.length ? kind : `${kind} in part`];
  });
  const shut = cloud.vault.look().filter(({ enabled }) => !enabled).length;
  return [
    held,
    ...(saved.length === 0 ? [] : [`undo of ${saved.join(', ')}`]),
    ...(moved.length === 0 ? [] : [`on next: ${moved.join(', ')}`]),
    ...retirements.map(({ status }) => `retirement ${status}`),
    ...(shut === 0 ? [] : [`${shut} version(s) disabled`]),
  ].join('; ');
}

function claimOf({ purpose, phase, bound, waitingFor, direction }: Claim): string {
  if (purpose === 'retirement') return 'held for retirement';
  const waits = waitingFor === null ? '' : ` (waits for ${waitingFor})`;
  const back = direction === 'back' && phase !== 'rolling-back' && phase !== 'rolled-back' ? ', going back' : '';
  return `${phase}${bound ? '' : ', not taken up'}${back}${waits}`;
}

/** What an effect does, in words. */
export function tell(simulation: Simulation, call: Call): string {
  const [first, second, third] = call.args;
  switch (`${call.port}.${call.method}`) {
    case 'ledger.update':
      return changeOf(simulation, third as LedgerChange, first as string);
    case 'ledger.recordEvent':
      return `${(second as { type: string }).type} seen`;
    case 'ledger.markEventStarted':
      return `${(second as { type: string }).type} started`;
    case 'ledger.setStop':
      return first === null ? 'stop switch taken back' : 'stop switch thrown';
    case 'auditLog.append': {
      const { action, outcome, target } = second as AuditEntry;
      return `${action} ${outcome}${target === null ? '' : ` (${target})`}`;
    }
    case 'history.put':
      return documentOf(first as Rotation);
    case 'resourceManager.put':
      return `${String(first).split('/').at(-1)} written`;
    case 'dataKeyStore.replace':
      return writesOf(first as readonly DataKeyWrite[]);
    case 'keyVault.setEnabled':
      return `${nameOf(first)} ${second === true ? 'enabled' : 'disabled'}`;
    case 'keyVault.setExpiry':
      return `expiry of ${nameOf(first)} set`;
    case 'keyVault.setRotationPolicy':
      return 'rotation policy set';
    case 'keyVault.createVersion':
      return 'version made';
    case 'alerts.send':
      return `${(first as Alert).type} sent`;
    case 'outbox.put':
      return `${(first as Alert).type} kept`;
    case 'outbox.delivered':
      return 'alert struck off';
    case 'outbox.failed':
      return 'alert put off';
    case 'durableClient.startNew':
      return `${first} started`;
    case 'durableClient.raiseEvent':
      return 'run woken';
    default:
      return usual[`${call.port}.${call.method}`] ?? `${call.port}.${call.method}`;
  }
}

const usual: Readonly<Record<string, string>> = {
  'plans.put': 'plan kept',
  'budgets.write': 'budget of the vault',
  'watch.put': 'findings of the sweep',
  'watch.putSweep': 'end of the sweep',
  'auditLog.keepSeal': 'signed head kept',
  'auditLog.beginChain': 'new chain begun',
  'sealing.anchors.put': 'signed head anchored',
};

const nameOf = (kid: unknown): string => (versionOf(String(kid)) === v1 ? 'previous version' : 'another version');

function documentOf({ phase, waitingFor }: Rotation): string {
  return `document: ${phase}${waitingFor === null ? '' : `, waits for ${waitingFor}`}`;
}

function writesOf(writes: readonly DataKeyWrite[]): string {
  const dropped = writes.every(({ record, change }) => record.blob === change.blob);
  return `${writes.length} data key(s) ${dropped ? 'without their old blob' : 'written'}`;
}

function changeOf({ cloud }: Simulation, change: LedgerChange, key: string): string {
  const { claim: before } = cloud.ledger.look(key);
  const { claim, saveUndo, addCommand, putRetirement, rememberAnswer } = change;
  const told: string[] = [];
  if (saveUndo !== undefined)
    told.push(`undo of ${saveUndo.kind}${saveUndo.operationUrl === null ? '' : ' with its operation'}`);
  if (addCommand !== undefined) told.push(`command ${(addCommand as Command).command}`);
  if (putRetirement !== undefined) told.push(`retirement ${putRetirement.status}`);
  if (rememberAnswer !== undefined) told.push('answer remembered');
  told.push(...claimChange(before, claim));
  return `${key === kek ? '' : 'other key: '}${told.join(', ') || 'claim as it was'}`;
}

function claimChange(before: Claim | null, claim: Claim): readonly string[] {
  const told: string[] = [];
  if (claim.rotationId === null && before?.rotationId != null) return ['claim freed'];
  if (claim.rotationId !== null && before?.rotationId !== claim.rotationId) told.push('claim taken');
  else if (claim.generation !== before?.generation) told.push('claim in a new generation');
  else if (claim.bound && before?.bound === false) told.push('claim taken up');
  if (claim.phase !== before?.phase && claim.purpose === 'rotation') told.push(`phase ${claim.phase}`);
  if (claim.nextVersion !== (before?.nextVersion ?? null)) told.push('next version');
  if (claim.plan !== null && before?.plan === null) told.push('plan');
  if (claim.soakStartedAt !== null && before?.soakStartedAt === null) told.push('start of the soak');
  if (claim.recheck && before?.recheck === false) told.push('look again at the end');
  if (claim.waitingFor !== (before?.waitingFor ?? null)) told.push(`waits for ${claim.waitingFor ?? 'nothing'}`);
  if (claim.revocation !== undefined && before?.revocation === undefined) told.push('what is revoked');
  if (claim.adoptedFrom !== undefined && before?.adoptedFrom === undefined) told.push('what was before');
  if ((claim.untold?.length ?? 0) < (before?.untold?.length ?? 0)) told.push('end struck off that was told of');
  if (claim.orphanedSince !== (before?.orphanedSince ?? null)) told.push('orphaned since');
  return told;
}
