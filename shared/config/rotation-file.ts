import * as z from 'zod';
import { weekdays } from '../rotation/change-windows';
import { parseDuration } from './duration';
import type { Problems } from './problems';

/** rotation.json as written: what is rotated, and how patiently. Members that are not known are refused, so that none is ignored. */
export type RotationFile = z.infer<typeof rotationFile>;
export type KeyEntry = RotationFile['keys'][number];
export type TargetEntry = KeyEntry['targets'][number];
export type OtherKeyEntry = z.infer<typeof otherKey>;
export type VaultEntry = NonNullable<RotationFile['vaults']>[number];
export type PolicyEntry = z.infer<typeof policy>;

/** A sentence in two halves, what is wrong and what to do; told apart again in `explain`. */
const separator = ' — ';
const wrong = (problem: string, whatToDo: string) => `${problem}${separator}${whatToDo}`;

const matching = (pattern: RegExp, problem: string, whatToDo: string) =>
  z.string().regex(pattern, wrong(problem, whatToDo));

const duration = z.string().transform((text, context) => {
  const seconds = parseDuration(text);
  if (seconds !== null && seconds <= 90 * 86_400) return seconds;
  const message = wrong('is not a duration of at most 90 days', 'write it in ISO 8601, e.g. PT30M, PT24H or P2D');
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

/** Backups and histories are kept for years. */
const age = z.string().transform((text, context) => {
  const seconds = parseDuration(text);
  if (seconds !== null && seconds <= 3660 * 86_400) return seconds;
  const message = wrong(
    'is not a duration of at most ten years',
    'write it in ISO 8601 days or weeks, e.g. P400D or P52W',
  );
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

const resourceId = (type: string) =>
  matching(
    new RegExp(`^/subscriptions/[\\w-]+/resourceGroups/[\\w.()-]+/providers/${type}/[\\w-]+$`, 'i'),
    `is not the id of a ${type}`,
    `copy the resource id: /subscriptions/…/resourceGroups/…/providers/${type}/…`,
  );

/** Names stand in audit records, ledger rows and alert subjects. */
const targetName = matching(
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
  'is not a usable name',
  'use up to 64 letters, digits, dots, underscores and hyphens',
);

const sentinel = matching(
  /^[A-Za-z0-9\-:.+%_#*?!(),=@$']{1,128}$/,
  'is not an id that the service would accept',
  'name an existing device or enrollment that nobody will delete',
);

/** All of Keyturn's own tables and those of its task hub begin so; new ones must not collide after an update. */
const tableName = matching(
  /^[A-Za-z][A-Za-z0-9]{2,62}$/,
  'is not a table name',
  'use 3 to 63 letters and digits',
).regex(
  /^(?!keyturn|tables$)/i,
  wrong('is reserved', 'a table of wrapped data keys must not be called "tables" or begin with "keyturn"'),
);

const target = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      kind: z.literal('iotHub'),
      name: targetName,
      resourceId: resourceId('Microsoft.Devices/IotHubs'),
      probe: z.strictObject({ twin: sentinel }),
    }),
    z.strictObject({
      kind: z.literal('dps'),
      name: targetName,
      resourceId: resourceId('Microsoft.Devices/provisioningServices'),
      probe: z.strictObject({ enrollment: sentinel }),
    }),
    z.strictObject({
      kind: z.literal('dataKeys'),
      name: targetName,
      table: tableName,
      onBadDataKey: z
        .enum(['roll-back', 'finish'], {
          error: wrong('is not an answer to a bad data key', 'use "roll-back" or "finish"'),
        })
        .optional(),
    }),
  ],
  { error: wrong('is not a kind of target', 'use "iotHub", "dps" or "dataKeys"') },
);

const wallClock = matching(
  /^([01]\d|2[0-3]):[0-5]\d$|^24:00$/,
  'is not a time of day',
  'write hours and minutes of the wall clock, e.g. 02:00 or 24:00',
);

const changeWindow = z.strictObject({
  days: z
    .array(z.enum(weekdays, { error: wrong('is not a day', `use ${weekdays.join(', ')}`) }))
    .min(1, wrong('is empty: the window never opens', `list at least one of ${weekdays.join(', ')}`)),
  weeks: z
    .array(z.int().min(1).max(5))
    .min(
      1,
      wrong('is empty: the window never opens', 'list at least one of 1 to 5, or leave "weeks" out for every week'),
    )
    .optional(),
  from: wallClock,
  to: wallClock,
  timeZone: z.string().min(1, wrong('is empty', 'give an IANA time zone, e.g. Europe/Berlin')),
});
export type WindowEntry = z.infer<typeof changeWindow>;

const policy = z.strictObject({
  soak: duration.optional(),
  probeEvery: duration.optional(),
  redProbes: z.strictObject({ red: z.int().min(1).max(100), of: z.int().min(1).max(100) }).optional(),
  faultDeadline: duration.optional(),
  operationDeadline: duration.optional(),
  alertAfter: duration.optional(),
  grace: duration.optional(),
  watch: duration.optional(),
  approval: z.enum(['none', 'required'], { error: wrong('is not an approval', 'use "none" or "required"') }).optional(),
  approvalDeadline: duration.optional(),
  backOff: duration.optional(),
  expiredPrevious: z
    .enum(['refuse', 'extend', 'forward-only'], {
      error: wrong('is not an answer to an expired version', 'use "refuse", "extend" or "forward-only"'),
    })
    .optional(),
  retirementEvidence: z
    .enum(['vault-log', 'control-plane'], {
      error: wrong('is not evidence that a version is idle', 'use "vault-log" or "control-plane"'),
    })
    .optional(),
  quiet: duration.optional(),
  keepVersions: z.strictObject({ count: z.int().min(0).max(100).optional(), age: age.optional() }).optional(),
  pin: z.boolean({ error: wrong('is neither true nor false', 'set it to true or false') }).optional(),
  mode: z.enum(['act', 'observe'], { error: wrong('is not a mode', 'use "act" or "observe"') }).optional(),
  windows: z.array(changeWindow).optional(),
  acceptUnknown: z
    .array(matching(/^[a-z0-9][a-z0-9-]*$/, 'is not the code of a check', 'take the code from a dry run'))
    .optional(),
});

/** A vault or a managed HSM. */
const anyVaultId = matching(
  /^\/subscriptions\/[\w-]+\/resourceGroups\/[\w.()-]+\/providers\/Microsoft\.KeyVault\/(vaults|managedHSMs)\/[\w-]+$/i,
  'is not the id of a vault or managed HSM',
  'copy the resource id: /subscriptions/…/resourceGroups/…/providers/Microsoft.KeyVault/vaults/…',
);

/** A key that another one may be replaced by, or that it has replaced. */
const otherKey = z.strictObject({
  key: z.string().min(1, wrong('is empty', 'give it as https://<vault>/keys/<name>, without a version')),
  vaultResourceId: anyVaultId.optional(),
});

const key = policy.extend({
  key: z.string().min(1, wrong('is empty', 'give it as https://<vault>/keys/<name>, without a version')),
  vaultResourceId: anyVaultId.optional(),
  replacements: z.array(otherKey).optional(),
  formerKeys: z.array(otherKey).optional(),
  targets: z.array(target).min(1, wrong('is empty', 'list at least one target, the canary first')),
});

const grants = z.array(
  matching(
    /^\S{1,200}$/,
    'is not the value of a claim',
    'give an app role, the object id of a group, or that of a person',
  ),
);

/** For each role the app roles, groups or object ids that have it. */
const access = z.strictObject({
  reader: grants.optional(),
  operator: grants.min(1, wrong('is empty: nobody could start or stop anything', 'name who may')),
  approver: grants.min(1, wrong('is empty: nobody could approve', 'name who may')),
});

/** Which key signs histories, which signed before it, and after how many records the newest is signed and anchored. */
const audit = z.object({
  auditKey: z.string().optional(),
  formerAuditKeys: z.array(z.string()).optional(),
  anchorEvery: z.int().min(1).max(10_000).optional(),
});

const share = wrong('is not a share', 'give the part of the quota that may be used, above 0 and at most 1');

const vault = z.strictObject({
  url: z.string().min(1, wrong('is empty', 'give it as https://<vault>, as in the keys')),
  share: z.number({ error: share }).gt(0, share).max(1, share).optional(),
  operationsPer10Seconds: z
    .int({ error: wrong('is not a whole number', 'give the operations that the vault allows in ten seconds') })
    .min(
      100,
      wrong('is less than any vault allows', 'count operations with software RSA-2048 keys: 4000 unless agreed'),
    )
    .max(10_000_000, wrong('is more than any vault allows', 'count operations in ten seconds: 4000 unless agreed'))
    .optional(),
});

/** Beside those of the targets. */
const subscription = matching(
  /^[\w-]{1,64}$/,
  'is not the id of a subscription',
  'give the id alone, e.g. 00000000-0000-0000-0000-000000000000',
);

const rotationFile = z.strictObject({
  keys: z.array(key).min(1, wrong('is empty', 'list at least one key with its targets')),
  defaults: policy.optional(),
  access: access.optional(),
  ...audit.shape,
  vaults: z.array(vault).optional(),
  subscriptions: z.array(subscription).optional(),
  instanceHistory: age
    .refine(
      (seconds) => seconds >= 3600,
      wrong('is shorter than an hour', 'keep it for at least PT1H, better for weeks'),
    )
    .optional(),
});

/**
 * Parses the text of rotation.json. What is wrong goes to `problems`; what is right of it is answered all the same, so that the checks
 * that a schema cannot make find their problems at the same time. Null if nothing of it can be read.
 */
export function parseRotationFile(path: string, text: string, problems: Problems): RotationFile | null {
  let content: unknown;
  try {
    content = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    return problems.add(path, `is not JSON (${(error as Error).message})`, 'correct it; comments are not allowed');
  }
  const parsed = rotationFile.safeParse(content);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) explain(path, issue, problems);
  return whatIsRight(content);
}

/** Good for further checks only, never to run with: its places are those of the file, its faulty members are left out. */
function whatIsRight(content: unknown): RotationFile | null {
  if (!isObject(content) || !Array.isArray(content['keys'])) return null;
  const defaults = policy.safeParse(content['defaults']).data ?? fitWindows(content['defaults']);
  const granted = access.safeParse(content['access']).data;
  const keys = content['keys'].map((entry: unknown): KeyEntry => {
    const read = key.safeParse(entry).data;
    if (read !== undefined) return read;
    const { key: identifier, targets } = isObject(entry) ? entry : {};
    const named = typeof identifier === 'string' ? identifier : '';
    return { key: named, targets: fitTargets(targets), ...fitWindows(entry) };
  });
  const { auditKey, formerAuditKeys } = audit.safeParse(content).data ?? {};
  const vaults = Array.isArray(content['vaults']) ? content['vaults'].map(fitVault) : [];
  return {
    keys,
    vaults,
    ...(defaults === undefined ? {} : { defaults }),
    ...(granted === undefined ? {} : { access: granted }),
    ...(auditKey === undefined ? {} : { auditKey }),
    ...(formerAuditKeys === undefined ? {} : { formerAuditKeys }),
  };
}

const fitVault = (entry: unknown): VaultEntry => vault.safeParse(entry).data ?? { url: '' };

const fitTargets = (targets: unknown): TargetEntry[] =>
  Array.isArray(targets) ? targets.flatMap((entry) => target.safeParse(entry).data ?? []) : [];

/** Each window in its place in the file, and a hole where one could not be read. */
function fitWindows(entry: unknown): Pick<PolicyEntry, 'windows'> {
  const { windows } = isObject(entry) ? entry : {};
  if (!Array.isArray(windows)) return {};
  const read: WindowEntry[] = new Array(windows.length);
  for (const [index, window] of windows.entries()) {
    const { data } = changeWindow.safeParse(window);
    if (data !== undefined) read[index] = data;
  }
  return { windows: read };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function explain(path: string, issue: z.core.$ZodIssue, problems: Problems): void {
  const where = place(path, issue.path);
  const [problem = '', whatToDo] = issue.message.split(separator);
  if (issue.code === 'unrecognized_keys') {
    for (const name of issue.keys) {
      problems.add(place(path, [...issue.path, name]), 'is not known here', 'correct its spelling or remove it');
    }
  } else if (whatToDo !== undefined) {
    problems.add(where, problem, whatToDo);
  } else {
    problems.add(where, faultOf(issue), whatBelongs(issue));
  }
}

function faultOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type') {
    if (/received undefined/.test(issue.message)) return 'is missing';
    return issue.expected === 'int' ? 'is not a whole number' : 'has the wrong type';
  }
  return issue.code === 'too_small' || issue.code === 'too_big' ? 'is out of range' : 'is not acceptable';
}

/** What to give where the schema has no sentence of its own; zod's words name types, not things. */
function whatBelongs({ path, ...issue }: z.core.$ZodIssue): string {
  const member = path.findLast((each) => typeof each === 'string');
  // A list's own name says nothing of what belongs into one of its places.
  const inList = typeof path.at(-1) === 'number';
  const known = inList ? entries[member ?? ''] : members[member ?? 'file'];
  if (known !== undefined) return known;
  return 'expected' in issue && issue.expected === 'string'
    ? 'write it as a text in quotes'
    : 'docs/configuration.md says what belongs here';
}

const aDuration = 'write it in ISO 8601, e.g. PT30M, PT24H or P2D';
const aCount = 'give a whole number from 1 to 100';

const members: Readonly<Record<string, string>> = {
  file: 'give an object with "keys" and, if you like, "defaults"',
  keys: 'list at least one key with its targets',
  defaults: 'give an object with the members that every key shares, or leave it out',
  key: 'give it as https://<vault>/keys/<name>, without a version',
  vaultResourceId: 'copy the resource id of the vault, or leave it out',
  targets: 'list at least one target, the canary first',
  replacements: 'list the keys that it may be replaced by, or leave it out',
  formerKeys: 'list the keys that it has replaced, or leave it out',
  name: 'give it a name of up to 64 letters, digits, dots, underscores and hyphens',
  resourceId: 'copy the resource id of the hub or DPS: /subscriptions/…/resourceGroups/…/providers/…',
  probe: 'name what is read to see that the data opens: {"twin": …} for a hub, {"enrollment": …} for a DPS',
  twin: 'name an existing device that nobody will delete',
  enrollment: 'name an existing enrollment that nobody will delete',
  table: 'name the table of wrapped data keys: 3 to 63 letters and digits',
  windows: 'list change windows, or leave it out: then changes may begin at any time',
  days: 'list the weekdays on which the window opens, e.g. ["sat", "sun"]',
  weeks: 'list which of these weekdays in a month, 1 to 5, or leave it out for every week',
  from: 'write hours and minutes of the wall clock in quotes, e.g. "02:00"',
  to: 'write hours and minutes of the wall clock in quotes, e.g. "06:00"',
  timeZone: 'give an IANA time zone, e.g. Europe/Berlin',
  redProbes: 'give how many of how many answers must be red, e.g. {"red": 3, "of": 5}',
  red: aCount,
  of: aCount,
  keepVersions: 'give what stays enabled for backups, e.g. {"count": 2, "age": "P400D"}, or leave it out',
  count: 'give a whole number from 0 to 100',
  age: 'write it in ISO 8601 days or weeks, e.g. P400D or P52W',
  quiet: aDuration,
  acceptUnknown: 'list the codes of checks that may stay unknown; a dry run names them',
  soak: aDuration,
  probeEvery: aDuration,
  faultDeadline: aDuration,
  operationDeadline: aDuration,
  alertAfter: aDuration,
  grace: aDuration,
  watch: aDuration,
  approvalDeadline: aDuration,
  backOff: aDuration,
};

const entries: Readonly<Record<string, string>> = {
  keys: 'give an object with "key" and "targets"',
  replacements: 'give an object with "key" and, for the preflight, "vaultResourceId"',
  formerKeys: 'give an object with "key" and, for the preflight, "vaultResourceId"',
  targets: 'give an object with "kind", "name" and what its kind needs',
  windows: 'give an object with "days", "from", "to" and "timeZone"',
  weeks: 'give whole numbers from 1 to 5',
  acceptUnknown: 'write the code of the check as a text in quotes; a dry run names it',
};

/** `rotation.json keys[0].targets[1].probe` */
export function place(path: string, members: readonly PropertyKey[]): string {
  let text = '';
  for (const member of members) {
    text += typeof member === 'number' ? `[${member}]` : `${text === '' ? '' : '.'}${String(member)}`;
  }
  return text === '' ? path : `${path} ${text}`;
}
