import type { Direction, RunReference } from '../../shared/contracts/activities';
import { sameKid, versionOf } from '../../shared/rotation/key-identifier';
import type { Claim, DataKeyWrite, LedgerState } from '../../shared/rotation/ports';
import { isPaused } from '../../shared/rotation/run-record';
import { decodeBase64url, equalBytes, isWrapAlgorithm } from '../../shared/rotation/wrapping';
import type { Call } from '../edges/with-edges';
import type { LedgerLook } from '../fakes/ledger';
import type { Invocation } from './app-process';
import { inForce, kek } from './cloud';
import type { Breach } from './invariants';
import type { Simulation } from './simulation';

/** What changes something that is not Keyturn's own. */
const mutations: ReadonlySet<string> = new Set([
  'resourceManager.put',
  'dataKeyStore.replace',
  'keyVault.createVersion',
  'keyVault.setEnabled',
  'keyVault.setExpiry',
  'keyVault.setRotationPolicy',
]);

export const isMutation = ({ port, method }: Call): boolean => mutations.has(`${port}.${method}`);

/** Activities that take back what was done, whatever their input says. */
const backward: ReadonlySet<string> = new Set(['enableVersions', 'restoreVersions', 'undoAdoption', 'beginRetirement']);

interface Mutation {
  readonly simulation: Simulation;
  readonly unwrapped: ReadonlyMap<string, number>;
  readonly call: Call;
  readonly by: Invocation;
  readonly run: RunReference;
  readonly look: LedgerLook;
  readonly goesBack: boolean;
  readonly target: number | null;
}

type Rule = (mutation: Mutation) => readonly (string | null)[];

/** What is wrong with a mutation that is about to reach the cloud. */
export function faultsOf(
  simulation: Simulation,
  unwrapped: ReadonlyMap<string, number>,
  call: Call,
  by: Invocation,
): readonly Breach[] {
  const input = by.input as { run?: RunReference; direction?: Direction; target?: number; request?: RunReference };
  const look = simulation.cloud.ledger.look(kek);
  const held = look.claim === null ? null : { ...look.claim, rotationId: look.claim.rotationId ?? '' };
  // Whoever takes the claim himself does not know its generation before: a retirement that begins calls it 0.
  const knows = input.run !== undefined && input.run.generation !== 0;
  const asked = input.run ?? input.request;
  const run = knows ? input.run : asked?.rotationId === held?.rotationId ? held : undefined;
  if (run == null) return [{ invariant: 'I5', seen: 'it belongs to no run that holds the claim' }];
  const goesBack = input.direction === 'back' || backward.has(by.name);
  const mutation = { simulation, unwrapped, call, by, run, look, goesBack, target: input.target ?? null };
  return rules.flatMap(([invariant, rule]) =>
    rule(mutation).flatMap((seen) => (seen === null ? [] : [{ invariant, seen }])),
  );
}

const isDisabling = ({ call }: Mutation): boolean => call.method === 'setEnabled' && call.args[1] === false;
const isEnabling = ({ call }: Mutation): boolean => call.method === 'setEnabled' && call.args[1] === true;
const writesOf = ({ call }: Mutation): readonly DataKeyWrite[] =>
  call.method === 'replace' ? (call.args[0] as readonly DataKeyWrite[]) : [];
/** The writes that put another blob in a record's place. */
const rewraps = (mutation: Mutation) => writesOf(mutation).filter(({ record, change }) => record.blob !== change.blob);
const revokes = ({ claim }: LedgerLook): boolean => claim?.run === 'revoke' || claim?.run === 'restore';

/** I1: under the claim, and with nothing to be seen that refers to it; the one exception is on record as such. */
const disabledUnused: Rule = (mutation) => {
  if (!isDisabling(mutation) || revokes(mutation.look)) return [];
  const { simulation, call, look } = mutation;
  const kid = call.args[0] as string;
  const { iotHub = [], dps = [], dataKeys = [] } = simulation.standing;
  const needed = simulation.cloud.services.flatMap(inForce);
  const used = [...iotHub, ...dps, ...dataKeys, ...needed].some((each) => sameKid(each, kid));
  return [
    used ? `${kid} is disabled although it is referred to` : null,
    look.claim?.purpose === 'retirement' ? null : `${kid} is disabled, and the claim is not held for it`,
  ];
};

/** I3: what is needed to take it back is on record. */
const undoSaved: Rule = (mutation) => {
  const { call, look, goesBack, target, simulation, run } = mutation;
  const { claim, undo, retirements } = look;
  const entry = undo.find((each) => each.target === target);
  if (goesBack && !(call.method === 'put' && claim?.phase === 'creating-version')) return [];
  switch (call.method) {
    case 'put': {
      const service = simulation.cloud.services.find((each) => each.body['id'] === call.args[0]);
      const stands = simulation.standing[service?.kind ?? '']?.[0];
      const version = versionOf(stands ?? '');
      return [
        entry === undefined ? 'no undo is saved' : null,
        entry?.kid != null && version !== null && !sameKid(entry.kid, stands ?? '')
          ? `the undo that is saved names ${entry.kid}, and the target stands on ${stands}`
          : null,
      ];
    }
    case 'replace':
      return rewraps(mutation).flatMap(({ record, change }) => {
        const stored = simulation.cloud.store.look().find(({ id }) => id.rowKey === record.id.rowKey);
        const { blob } = JSON.parse(change.previous ?? '{}') as { blob?: string };
        return [
          blob === stored?.blob || stored?.etag !== record.etag
            ? null
            : `the old blob of ${record.id.rowKey} is not kept`,
        ];
      });
    case 'setEnabled': {
      const version = versionOf(call.args[0] as string) ?? '';
      const noted = revokes(look)
        ? claim?.revocation?.versions.includes(version)
        : retirements.some(({ versions, disabledAt }) => disabledAt !== null && versions.includes(version));
      return [noted ? null : `that ${version} is disabled is not on record`];
    }
    case 'setExpiry':
      return [
        claim?.adoptedFrom !== undefined || isIntended(simulation, run, ['extend-expiry'])
          ? null
          : 'what it was before is not on record',
      ];
    case 'setRotationPolicy':
      return [claim?.adoptedFrom !== undefined ? null : 'what it was before is not on record'];
    default:
      return [];
  }
};

const actions: Readonly<Record<string, readonly string[]>> = {
  put: ['rewrap', 'pin'],
  replace: ['rewrap', 'retire'],
  createVersion: ['create-version'],
  setEnabled: ['disable-version', 'revoke'],
  setExpiry: ['extend-expiry', 'adopt'],
  setRotationPolicy: ['adopt'],
};

/** I4: forward, the intent is on the audit log. */
const intentTold: Rule = ({ simulation, call, run, goesBack }) => {
  if (goesBack) return [];
  const wanted = actions[call.method] ?? [];
  return [isIntended(simulation, run, wanted) ? null : `no intent (${wanted.join(', ')}) is on the audit log`];
};

const isIntended = (
  { cloud }: Simulation,
  { rotationId }: Pick<RunReference, 'rotationId'>,
  wanted: readonly string[],
): boolean =>
  cloud.auditLog
    .told(kek)
    .some((each) => each.rotationId === rotationId && each.outcome === 'intended' && wanted.includes(each.action));

/** I5: whoever changes something holds the claim, as far as he could know. */
const claimHeld: Rule = (mutation) => {
  const { by, run, look } = mutation;
  // Who has only just taken the claim, or takes something back at once, is told by what is on record.
  const claim: Claim | null = isEnabling(mutation) ? look.claim : (by.fence?.state.claim ?? null);
  const held = claim?.rotationId === run.rotationId && claim.generation === run.generation;
  return [
    held
      ? null
      : `${claim?.rotationId} holds the claim in generation ${claim?.generation}, not ${run.rotationId} in ${run.generation}`,
  ];
};

/** I9: no blob takes the place of another before it was proved, and an old one goes only when nobody can need it. */
const blobsProved: Rule = (mutation) => {
  const { simulation, unwrapped, by, goesBack } = mutation;
  const times = (blob: string): number => unwrapped.get(`${by.process} ${blob}`) ?? 0;
  const proofs = rewraps(mutation).flatMap(({ record, change }) => {
    const name = record.id.rowKey;
    if (goesBack && times(change.blob) === 0) return [opensAs(simulation, name, change)];
    return [
      times(record.blob) >= (record.check === null ? 2 : 1) || goesBack
        ? null
        : `the old blob of ${name} was not compared`,
      times(change.blob) >= 1 ? null : `the new blob of ${name} was not unwrapped`,
      opensAs(simulation, name, change),
    ];
  });
  const dropped = writesOf(mutation).flatMap(({ record, change }) => {
    if (record.blob !== change.blob || record.previous === null || change.previous !== null) return [];
    const { kid = '' } = JSON.parse(record.previous) as { kid?: string };
    const enabled = simulation.cloud.vaults.some((vault) =>
      vault.look().some((each) => sameKid(each.kid, kid) && each.enabled),
    );
    return [enabled ? `the old blob of ${record.id.rowKey} is dropped while ${kid} is enabled` : null];
  });
  return [...proofs, ...dropped];
};

/**
 * The blob that is to be written opens to the owner's data key, with the version that it is to name. Somebody may have disabled that between
 * the proof and the write, which nobody can see: the blob is good, and the old one is kept beside it.
 */
function opensAs(
  { cloud, judge }: Simulation,
  name: string,
  { kid, alg, blob }: DataKeyWrite['change'],
): string | null {
  const owner = cloud.owned.find(({ record }) => record.id.rowKey === name);
  if (owner === undefined || judge.excused.has(name)) return null;
  const bytes = decodeBase64url(blob);
  const opened = cloud.vaults.map((vault) =>
    bytes !== null && isWrapAlgorithm(alg) ? vault.wouldOpen(kid, alg, bytes) : null,
  );
  return opened.some((each) => each !== null && equalBytes(each, owner.dataKey))
    ? null
    : `${name} is given a blob that is not of ${kid}`;
}

/** I11: right before it, the ledger was looked at, and nothing stood against it. */
const fenceAsked: Rule = (mutation) => {
  const { by, goesBack } = mutation;
  const { fence } = by;
  if (fence === null) return ['the ledger was not looked at'];
  if (isEnabling(mutation)) return [];
  return [
    fence.used ? 'the ledger was not looked at since the last effect' : null,
    fence.stop === undefined ? 'the stop switch was not looked at' : null,
    fence.stop == null ? null : `the stop switch was thrown: ${fence.stop}`,
    isPaused(fence.state.commands) ? 'a pause is on record' : null,
    goesBack ? null : recalled(fence.state),
  ];
};

function recalled({ claim, commands }: LedgerState): string | null {
  const word = commands.find(({ command }) => command === 'rollback' || command === 'cancel');
  if (word !== undefined) return `${word.command} is on record`;
  return claim?.direction === 'back' ? 'the run goes back' : null;
}

const rules: readonly (readonly [Breach['invariant'], Rule])[] = [
  ['I1', disabledUnused],
  ['I3', undoSaved],
  ['I4', intentTold],
  ['I5', claimHeld],
  ['I9', blobsProved],
  ['I11', fenceAsked],
];
