import type { RunPolicy } from '../contracts/activities';
import type { ChangeWindow } from '../rotation/change-windows';
import { parseKeyIdentifier, sameKey } from '../rotation/key-identifier';
import type { Replacement, RetirementPolicy } from '../rotation/run-ports';
import type { Cloud } from './cloud';
import type { Settings } from './environment';
import type { Problems } from './problems';
import { readRetirementPolicy } from './retirement';
import {
  type KeyEntry,
  type OtherKeyEntry,
  type PolicyEntry,
  place,
  type RotationFile,
  type TargetEntry,
} from './rotation-file';
import { readWindows } from './windows';

export type TargetConfiguration = TargetEntry;

/** One KEK as configured, with the defaults filled in. */
export interface ManagedKeyConfiguration {
  /** Unversioned identifier, canonical. */
  readonly key: string;
  readonly vaultUrl: string;
  readonly keyName: string;
  /** For the vault's network rules and role assignments; null if they are not to be read. */
  readonly vaultResourceId: string | null;
  /** In the order in which they move; the first is the canary. */
  readonly targets: readonly TargetConfiguration[];
  readonly policy: RunPolicy;
  /** `observe`: plans and tells, and never changes anything. */
  readonly mode: 'act' | 'observe';
  /** Codes of checks that may stay *unknown* without the plan being refused. */
  readonly acceptUnknown: readonly string[];
  /** When a run may begin to change things; always, if there is none. */
  readonly windows: readonly ChangeWindow[];
  readonly retirement: RetirementPolicy;
  /** Where `replace` may move its targets. */
  readonly replacements: readonly Replacement[];
  /** The keys whose place it took, as long as something of them is left to be retired. */
  readonly formerKeys: readonly Replacement[];
}

/** What a rotation.json that says nothing gets: a service may cache a key for a day, so soak as long, and watch a little longer. */
const preset: RunPolicy = {
  soakSeconds: 24 * 3600,
  probeEverySeconds: 30 * 60,
  redProbes: { red: 3, of: 5 },
  faultDeadlineSeconds: 24 * 3600,
  operationDeadlineSeconds: 2 * 3600,
  alertAfterSeconds: 15 * 60,
  graceSeconds: 7 * 86_400,
  watchSeconds: 25 * 3600,
  approval: 'none',
  approvalDeadlineSeconds: 7 * 86_400,
  backOffSeconds: 6 * 3600,
  expiredPrevious: 'refuse',
  pin: false,
};

/** Checks what a schema cannot see: identifiers, duplicates and numbers that contradict each other. */
export function readKeys(
  path: string,
  file: RotationFile,
  { cloud, logWorkspace }: Pick<Settings, 'cloud' | 'logWorkspace'>,
  problems: Problems,
): ManagedKeyConfiguration[] {
  refuseDuplicateTargets(path, file, problems);
  const usual = readWindows(
    (...members) => place(path, ['defaults', 'windows', ...members]),
    file.defaults?.windows ?? [],
    problems,
  );
  return file.keys.flatMap((entry, index) => {
    const at = (...members: PropertyKey[]) => place(path, ['keys', index, ...members]);
    const earlier = file.keys.findIndex((other) => sameKey(other.key, entry.key));
    if (earlier >= 0 && earlier < index) {
      problems.add(at('key'), `is the key of keys[${earlier}] again`, 'put all targets of one key into one entry');
    }
    // An identifier that could not be read at all was told of when the file was parsed.
    const identifier = entry.key === '' ? null : readIdentifier(at('key'), entry.key, cloud, problems);
    const policy = mergePolicies(file.defaults ?? {}, entry);
    refuseContradictions(at(), policy, problems);
    const windows = entry.windows && readWindows((...members) => at('windows', ...members), entry.windows, problems);
    const told = { policy, hasLog: logWorkspace !== null };
    const retirement = readRetirementPolicy(at(), [entry, file.defaults ?? {}], told, problems);
    const others = readOtherKeys({ path, file, index, cloud }, problems);
    if (identifier === null) return [];
    return [
      {
        key: identifier.key,
        vaultUrl: identifier.vaultUrl,
        keyName: identifier.name,
        vaultResourceId: entry.vaultResourceId ?? null,
        targets: entry.targets,
        policy,
        mode: entry.mode ?? file.defaults?.mode ?? 'act',
        acceptUnknown: entry.acceptUnknown ?? file.defaults?.acceptUnknown ?? [],
        windows: windows ?? usual,
        retirement,
        ...others,
      },
    ];
  });
}

/** The keys that one entry names beside its own: none of them itself, none twice, and no former key that is in use elsewhere. */
function readOtherKeys(
  {
    path,
    file,
    index,
    cloud,
  }: {
    readonly path: string;
    readonly file: RotationFile;
    readonly index: number;
    readonly cloud: Pick<Cloud, 'vaultSuffix' | 'managedHsmSuffix'>;
  },
  problems: Problems,
): Pick<ManagedKeyConfiguration, 'replacements' | 'formerKeys'> {
  const { key: own = '', replacements = [], formerKeys = [] } = file.keys[index] ?? {};
  const seen: string[] = [own];
  const read = (list: 'replacements' | 'formerKeys', others: readonly OtherKeyEntry[]): Replacement[] =>
    others.flatMap(({ key, vaultResourceId }, at) => {
      const where = place(path, ['keys', index, list, at, 'key']);
      const identifier = key === '' ? null : readIdentifier(where, key, cloud, problems);
      if (identifier === null) return [];
      if (seen.some((each) => sameKey(each, key))) {
        problems.add(where, 'is the key itself, or named before', 'name each other key once');
      }
      const entry = file.keys.findIndex((each) => sameKey(each.key, key));
      if (list === 'formerKeys' && entry >= 0 && entry !== index) {
        problems.add(where, `is the key of keys[${entry}]`, 'what was replaced has no entry of its own any more');
      }
      seen.push(key);
      return [{ key: identifier.key, vaultResourceId: vaultResourceId ?? null }];
    });
  return { replacements: read('replacements', replacements), formerKeys: read('formerKeys', formerKeys) };
}

export function readIdentifier(
  setting: string,
  text: string,
  { vaultSuffix, managedHsmSuffix }: Pick<Cloud, 'vaultSuffix' | 'managedHsmSuffix'>,
  problems: Problems,
) {
  const identifier = parseKeyIdentifier(text);
  const form = 'give it as https://<vault>/keys/<name>, without a version';
  if (identifier === null) return problems.add(setting, 'is not a key identifier', form);
  if (identifier.version !== null) return problems.add(setting, 'names a version', form);
  const { hostname } = new URL(identifier.vaultUrl);
  const suffixes = [vaultSuffix, managedHsmSuffix].filter((suffix) => suffix !== null);
  if (suffixes.length > 0 && !suffixes.some((suffix) => hostname.endsWith(suffix))) {
    const whatToDo = `vaults of this cloud end in ${suffixes.join(' or ')}; correct the host or KEYTURN_CLOUD`;
    return problems.add(setting, `names a vault outside the cloud (${hostname})`, whatToDo);
  }
  return identifier;
}

function mergePolicies(defaults: PolicyEntry, entry: KeyEntry): RunPolicy {
  return {
    soakSeconds: entry.soak ?? defaults.soak ?? preset.soakSeconds,
    probeEverySeconds: entry.probeEvery ?? defaults.probeEvery ?? preset.probeEverySeconds,
    redProbes: entry.redProbes ?? defaults.redProbes ?? preset.redProbes,
    faultDeadlineSeconds: entry.faultDeadline ?? defaults.faultDeadline ?? preset.faultDeadlineSeconds,
    operationDeadlineSeconds: entry.operationDeadline ?? defaults.operationDeadline ?? preset.operationDeadlineSeconds,
    alertAfterSeconds: entry.alertAfter ?? defaults.alertAfter ?? preset.alertAfterSeconds,
    graceSeconds: entry.grace ?? defaults.grace ?? preset.graceSeconds,
    watchSeconds: entry.watch ?? defaults.watch ?? preset.watchSeconds,
    approval: entry.approval ?? defaults.approval ?? preset.approval,
    approvalDeadlineSeconds: entry.approvalDeadline ?? defaults.approvalDeadline ?? preset.approvalDeadlineSeconds,
    backOffSeconds: entry.backOff ?? defaults.backOff ?? preset.backOffSeconds,
    expiredPrevious: entry.expiredPrevious ?? defaults.expiredPrevious ?? preset.expiredPrevious,
    pin: entry.pin ?? defaults.pin ?? preset.pin,
  };
}

function refuseContradictions(setting: string, policy: RunPolicy, problems: Problems): void {
  const { soakSeconds, probeEverySeconds, redProbes, faultDeadlineSeconds, operationDeadlineSeconds } = policy;
  const { watchSeconds, approvalDeadlineSeconds } = policy;
  const refuse = (problem: string, whatToDo: string) => problems.add(setting, problem, whatToDo);
  if (probeEverySeconds < 1) refuse('"probeEvery" is zero', 'give the time between two probes, e.g. PT30M');
  if (faultDeadlineSeconds < 1) refuse('"faultDeadline" is zero', 'give the time a fault may last, e.g. PT24H');
  if (operationDeadlineSeconds < 1) refuse('"operationDeadline" is zero', 'give the time a move may last, e.g. PT2H');
  if (approvalDeadlineSeconds < 1) {
    refuse('"approvalDeadline" is zero', 'give the time an approver has, e.g. P7D');
  }
  if (watchSeconds < probeEverySeconds) {
    refuse('"watch" is too short for a single probe', `watch for at least ${probeEverySeconds} seconds`);
  }
  if (redProbes.red > redProbes.of) {
    refuse(`"redProbes" asks for ${redProbes.red} red of ${redProbes.of}`, '"red" must not be more than "of"');
  }
  if (probeEverySeconds >= 1 && soakSeconds < probeEverySeconds * redProbes.red) {
    const enough = `${redProbes.red} probes, ${probeEverySeconds} seconds apart`;
    refuse('"soak" is too short for red probes to be confirmed', `soak for at least ${enough}`);
  }
}

/** A hub has one key and a table one owner: named twice, two rotations would undo each other. */
function refuseDuplicateTargets(path: string, file: RotationFile, problems: Problems): void {
  const seen = new Map<string, string>();
  const claim = (identity: string, where: string, problem: string, whatToDo: string) => {
    const first = seen.get(identity);
    if (first === undefined) seen.set(identity, where);
    else problems.add(where, `${problem} (${first})`, whatToDo);
  };
  file.keys.forEach((entry, keyIndex) => {
    entry.targets.forEach((target, index) => {
      const where = place(path, ['keys', keyIndex, 'targets', index]);
      const name = `${keyIndex} ${target.kind}/${target.name.toLowerCase()}`;
      claim(
        name,
        where,
        `is called ${target.kind}/${target.name} like another target of the key`,
        'give it another name',
      );
      const thing = target.kind === 'dataKeys' ? target.table : target.resourceId;
      claim(thing.toLowerCase(), where, 'is the same thing as another target', 'name each resource and table once');
    });
  });
}
