import fc from 'fast-check';
import type { RunPolicy } from '../../../../shared/contracts/activities';
import { decidePlan, type PlanFacts } from '../../../../shared/rotation/plan';
import { longestRunSeconds, versionInUse, versionsInUse } from '../../../../shared/rotation/plan-facts';
import type { KeyVersion, KeyVersionDetail, TargetFacts } from '../../../../shared/rotation/ports';

const key = 'https://kv.vault.azure.net/keys/kek';
const other = 'https://kv.vault.azure.net/keys/other';
const now = new Date('2026-11-22T12:00:00Z');
const hour = 3600;

const policy: RunPolicy = {
  soakSeconds: 24 * hour,
  probeEverySeconds: hour,
  redProbes: { red: 2, of: 3 },
  faultDeadlineSeconds: 6 * hour,
  operationDeadlineSeconds: hour,
  alertAfterSeconds: hour,
  graceSeconds: 7 * 86_400,
  watchSeconds: 25 * 3600,
  approval: 'none',
  approvalDeadlineSeconds: 7 * 86_400,
  backOffSeconds: 6 * 3600,
  expiredPrevious: 'refuse',
  pin: false,
};

function version(name: string, created: number, more: Partial<KeyVersion> = {}): KeyVersion {
  return {
    version: name,
    kid: `${key}/${name}`,
    createdOn: new Date(Date.UTC(2026, 0, created)),
    enabled: true,
    notBefore: null,
    expiresOn: null,
    tags: {},
    ...more,
  };
}

const detailOf = (listed: KeyVersion, more: Partial<KeyVersionDetail> = {}): KeyVersionDetail => ({
  ...listed,
  keyType: 'RSA',
  keySize: 2048,
  operations: ['wrapKey', 'unwrapKey'],
  publicKey: { n: 'AQAB', e: 'AQAB' },
  ...more,
});

function target(kind: TargetFacts['kind'], more: Partial<TargetFacts> = {}): TargetFacts {
  const name = { iotHub: 'hub', dps: 'dps', dataKeys: 'store' }[kind];
  const service = kind !== 'dataKeys';
  return {
    kind,
    name,
    exists: true,
    echoesEncryption: service,
    keySource: service ? 'Microsoft.KeyVault' : null,
    keyIdentifiers: [`${key}/v1`],
    state: service ? 'Active' : null,
    principalIds: service ? ['principal'] : [],
    mayUseKey: 'yes',
    mayUseKeyMessage: `The identity of ${name} may use the key.`,
    networkAllows: 'yes',
    networkMessage: `The vault lets ${name} in.`,
    probe: { kind, name, colour: 'green', message: `${name} opened its data.` },
    masked: [],
    total: service ? 1 : 3,
    unfit: [],
    configuration: '{}',
    ...more,
  };
}

const probe = (colour: 'green' | 'red' | 'unknown') =>
  ({ kind: 'iotHub', name: 'hub', colour, message: `The probe is ${colour}.` }) as const;

const v1 = version('v1', 10);
const good: PlanFacts = {
  key,
  now,
  toVersion: null,
  versions: [v1],
  inUseDetails: [detailOf(v1)],
  targets: [target('iotHub'), target('dps'), target('dataKeys')],
  policy,
  allowUnknown: [],
};

/** The good facts with another hub, everything else as it is. */
const withHub = (more: Partial<TargetFacts>): PlanFacts => ({
  ...good,
  targets: [target('iotHub', more), target('dps'), target('dataKeys')],
});
const withStore = (more: Partial<TargetFacts>): PlanFacts => ({
  ...good,
  targets: [target('iotHub'), target('dps'), target('dataKeys', more)],
});
const withVersion = (more: Partial<KeyVersion>): PlanFacts => {
  const changed = { ...v1, ...more };
  return { ...good, versions: [changed], inUseDetails: changed.enabled ? [detailOf(changed)] : [] };
};

const decision = (facts: PlanFacts) => decidePlan(facts).plan.decision;
const codes = (facts: PlanFacts) => decidePlan(facts).reasons.map(({ code }) => code);

describe('the composed plan', () => {
  test('goes when every check says yes, and says so check by check', () => {
    const { plan, reasons } = decidePlan(good);
    expect(reasons).toEqual([]);
    expect(plan).toMatchObject({ decision: 'go', previousVersion: 'v1', nextVersion: null });
    expect(plan.checks.map(({ target: on, code, result }) => `${on} ${code} ${result}`)).toEqual([
      'key key-exists yes',
      'key starting-versions yes',
      ...['iotHub/hub', 'dps/dps'].flatMap((name) =>
        [
          'target-exists',
          'encryption-echoed',
          'cmk-enabled',
          'key-in-use',
          'identifier-versioned',
          'resource-active',
          'previous-enabled',
          'key-can-wrap',
          'previous-outlasts-run',
          'identity-may-use-key',
          'network-allows',
          'probe-green',
          'nothing-masked',
        ].map((code) => `${name} ${code} yes`),
      ),
      ...[
        'target-exists',
        'previous-enabled',
        'key-can-wrap',
        'identity-may-use-key',
        'network-allows',
        'probe-green',
        'records-fit',
      ].map((code) => `dataKeys/store ${code} yes`),
    ]);
  });

  test('tells the run what moves from where, in the order of the targets', () => {
    const { plan, runPlan } = decidePlan(good);
    expect(runPlan).toEqual({
      planHash: plan.planHash,
      previousVersion: 'v1',
      targets: [
        { kind: 'iotHub', name: 'hub', previousKid: `${key}/v1`, previousVersion: 'v1', total: 1 },
        { kind: 'dps', name: 'dps', previousKid: `${key}/v1`, previousVersion: 'v1', total: 1 },
        { kind: 'dataKeys', name: 'store', previousKid: `${key}/v1`, previousVersion: 'v1', total: 3 },
      ],
    });
  });

  test('remembers the identifier as the resource spells it, so that a rollback writes what stood there', () => {
    const spelled = 'https://KV.vault.azure.net/keys/KEK/v1';
    const { runPlan } = decidePlan(withHub({ keyIdentifiers: [`${other}/v1`, spelled] }));
    expect(runPlan.targets[0]).toMatchObject({ previousKid: spelled, previousVersion: 'v1' });
  });

  const refusals: Record<string, [facts: PlanFacts, codes: string[]]> = {
    'the key does not exist': [{ ...good, versions: [], inUseDetails: [] }, ['key-not-found']],
    'a target was not found': [
      withHub({ exists: false, keyIdentifiers: [], echoesEncryption: false }),
      ['target-not-found'],
    ],
    'a DPS does not echo its encryption': [
      {
        ...good,
        targets: [target('iotHub'), target('dps', { echoesEncryption: false, keySource: null, keyIdentifiers: [] })],
      },
      ['encryption-not-echoed'],
    ],
    'the customer-managed key is not on': [
      withHub({ keySource: 'Microsoft.Devices', keyIdentifiers: [] }),
      ['cmk-not-enabled'],
    ],
    'the encryption block names no key': [withHub({ keyIdentifiers: [] }), ['cmk-not-enabled']],
    'another key is in use': [withHub({ keyIdentifiers: [`${other}/v1`] }), ['other-key-in-use']],
    'the key of another vault is in use': [
      withHub({ keyIdentifiers: ['https://kv2.vault.azure.net/keys/kek/v1'] }),
      ['other-key-in-use'],
    ],
    'the key is named twice': [withHub({ keyIdentifiers: [`${key}/v1`, `${key}/v1`] }), ['key-named-twice']],
    'the identifier has no version': [withHub({ keyIdentifiers: [key] }), ['unversioned-identifier']],
    'the resource is in transition': [withHub({ state: 'Transitioning' }), ['resource-not-active']],
    'the resource shows no state': [withHub({ state: null }), ['resource-active-unknown']],
    'the version in use is disabled (I10)': [
      withVersion({ enabled: false }),
      ['previous-disabled', 'previous-disabled', 'previous-disabled'],
    ],
    'the version in use is not listed': [withHub({ keyIdentifiers: [`${key}/v9`] }), ['previous-not-found']],
    'a data key names a version that is not listed': [
      withStore({ keyIdentifiers: [`${key}/v1`, `${key}/v9`] }),
      ['previous-not-found'],
    ],
    'the key cannot wrap': [
      { ...good, inUseDetails: [detailOf(v1, { operations: ['unwrapKey'] })], targets: [target('iotHub')] },
      ['key-operations-unfit'],
    ],
    'the key is on a curve': [
      { ...good, inUseDetails: [detailOf(v1, { keyType: 'EC', publicKey: null })], targets: [target('iotHub')] },
      ['key-type-unfit'],
    ],
    'type and operations of the version cannot be read': [
      { ...good, inUseDetails: [], targets: [target('dps')] },
      ['key-can-wrap-unknown'],
    ],
    'the version in use is expired (I10)': [
      withVersion({ expiresOn: new Date(now.getTime() - 1) }),
      ['previous-expires-too-soon', 'previous-expires-too-soon'],
    ],
    'the identity may not use the key': [withHub({ mayUseKey: 'no' }), ['identity-may-not-use-key']],
    'the network does not let it in': [withHub({ networkAllows: 'no' }), ['network-refuses']],
    'the probe is red: broken before we came': [withHub({ probe: probe('red') }), ['probe-red']],
    'the probe could not be made': [withHub({ probe: probe('unknown') }), ['probe-green-unknown']],
    'a store of data keys could not be probed': [withStore({ probe: probe('unknown') }), ['probe-green-unknown']],
    'secrets are masked': [
      withHub({ masked: ['properties.routing.endpoints[0].connectionString'] }),
      ['secrets-masked'],
    ],
    'records cannot be rewrapped': [
      withStore({
        unfit: [
          { code: 'record-garbled', message: '2 records.' },
          { code: 'record-other-key', message: '1 record.' },
        ],
      }),
      ['record-garbled', 'record-other-key'],
    ],
    'the version asked for does not exist': [{ ...good, toVersion: 'v9' }, ['version-not-found']],
    'the version asked for is disabled': [
      { ...good, toVersion: 'v2', versions: [v1, version('v2', 11, { enabled: false })] },
      ['version-disabled'],
    ],
    'the version asked for is expired': [
      { ...good, toVersion: 'v2', versions: [v1, version('v2', 11, { expiresOn: now })] },
      ['version-expired'],
    ],
    'the version asked for may not wrap': [
      {
        ...good,
        toVersion: 'v2',
        versions: [v1, version('v2', 11)],
        inUseDetails: [detailOf(v1), detailOf(version('v2', 11), { operations: ['unwrapKey'] })],
      },
      ['key-operations-unfit'],
    ],
    'the version asked for is older than the one in use': [
      { ...good, toVersion: 'v0', versions: [v1, version('v0', 9)] },
      ['to-version-older'],
    ],
  };
  test.each(Object.entries(refusals))('refuses when %s, by that name alone', (_, [facts, wanted]) => {
    expect(codes(facts)).toEqual(wanted);
    expect(decision(facts)).toBe('refuse');
  });

  test('an identifier without a version is pinned to the newest enabled version, where the configuration says so', () => {
    const versions = [v1, version('v2', 11, { enabled: false })];
    const facts = { ...withHub({ keyIdentifiers: [key] }), versions, policy: { ...policy, pin: true } };
    const { plan, runPlan } = decidePlan(facts);
    expect(plan.decision).toBe('go');
    expect(runPlan.targets[0]).toMatchObject({ previousKid: `${key}/v1`, previousVersion: 'v1' });
    expect(plan.checks.find(({ code }) => code === 'identifier-versioned')?.message).toContain('pinned to v1 first');
  });

  test.each([
    ['extend', 'extended first'],
    ['forward-only', 'no way back'],
  ] as const)(
    'a previous version that expires too soon is no objection under %s, and the plan says so',
    (answer, said) => {
      const { plan } = decidePlan({
        ...withVersion({ expiresOn: now }),
        policy: { ...policy, expiredPrevious: answer },
      });
      expect(plan.decision).toBe('go');
      const messages = plan.checks.filter(({ code }) => code === 'previous-outlasts-run').map(({ message }) => message);
      expect(messages).toHaveLength(2);
      for (const message of messages) expect(message).toContain(said);
    },
  );

  test('every reason is a sentence that names the thing, and the next step', () => {
    for (const [facts] of Object.values(refusals)) {
      for (const { message } of decidePlan(facts).reasons) expect(message).toMatch(/\.$/);
    }
    const [reason] = decidePlan(withHub({ keyIdentifiers: [key] })).reasons;
    expect(reason?.message).toContain('iotHub/hub');
    expect(reason?.message).toContain('Pin it');
  });

  test('several targets in trouble are all named at once', () => {
    const facts = { ...good, targets: [target('iotHub', { state: 'Suspended' }), target('dps', { exists: false })] };
    expect(codes(facts)).toEqual(['resource-not-active', 'target-not-found']);
  });

  const passes: Record<string, PlanFacts> = {
    'other keys stand beside this one': withHub({ keyIdentifiers: [`${other}/v7`, `${key}/v1`, other] }),
    'the key source is spelled in another case': withHub({ keySource: 'microsoft.keyvault' }),
    'the state is spelled in another case': withHub({ state: 'active' }),
    'the vault is spelled in capitals': withHub({ keyIdentifiers: ['https://KV.vault.azure.net/keys/kek/v1'] }),
    'a store of data keys is empty, whatever its probe says': withStore({
      total: 0,
      keyIdentifiers: [],
      probe: probe('unknown'),
    }),
    'data keys are spread over versions': {
      ...withStore({ keyIdentifiers: [`${key}/v1`, `${key}/v0`] }),
      versions: [v1, version('v0', 9)],
      inUseDetails: [detailOf(v1), detailOf(version('v0', 9))],
    },
    'data keys stand on an expired version, from which nothing has to be wrapped on the way back': {
      ...withStore({ keyIdentifiers: [`${key}/v0`] }),
      versions: [v1, version('v0', 9, { expiresOn: new Date(0) })],
      inUseDetails: [detailOf(v1), detailOf(version('v0', 9))],
    },
    'the version asked for is newer and usable': { ...good, toVersion: 'v2', versions: [v1, version('v2', 11)] },
    'an *unknown* is accepted by the configuration': { ...withHub({ state: null }), allowUnknown: ['resource-active'] },
  };
  test.each(Object.entries(passes))('goes when %s', (_, facts) => {
    expect(decidePlan(facts).reasons).toEqual([]);
    expect(decision(facts)).toBe('go');
  });
});

describe('I12: unknown is not yes', () => {
  const unknownDoors = { mayUseKey: 'unknown', networkAllows: 'unknown' } as const;

  test('a service that opens its data with the same key is evidence for identity and network, still shown as unknown', () => {
    const { plan, reasons } = decidePlan(withHub(unknownDoors));
    expect(reasons).toEqual([]);
    const shown = plan.checks.filter(({ result }) => result === 'unknown');
    expect(shown.map(({ code }) => code)).toEqual(['identity-may-use-key', 'network-allows']);
    for (const { message } of shown) expect(message).toContain('Accepted');
  });

  test('without a green probe there is no evidence', () => {
    const facts = withHub({ ...unknownDoors, probe: probe('unknown') });
    expect(codes(facts)).toEqual(['identity-may-use-key-unknown', 'network-allows-unknown', 'probe-green-unknown']);
  });

  test('a green probe under another key is no evidence', () => {
    const facts = withHub({ ...unknownDoors, keyIdentifiers: [`${other}/v1`] });
    expect(codes(facts)).toEqual(['other-key-in-use', 'identity-may-use-key-unknown', 'network-allows-unknown']);
  });

  test('a green probe is no evidence for anything else', () => {
    expect(codes(withHub({ state: null }))).toEqual(['resource-active-unknown']);
  });

  test('evidence does not outweigh a no', () => {
    expect(codes(withHub({ mayUseKey: 'no', networkAllows: 'no' }))).toEqual([
      'identity-may-not-use-key',
      'network-refuses',
    ]);
  });

  test('the configuration accepts only what it names', () => {
    const facts = {
      ...withHub({ ...unknownDoors, probe: probe('unknown') }),
      allowUnknown: ['probe-green', 'network-allows'],
    };
    expect(codes(facts)).toEqual(['identity-may-use-key-unknown']);
  });

  test('the configuration accepts an unknown, never a no', () => {
    expect(codes({ ...withHub({ probe: probe('red') }), allowUnknown: ['probe-green', 'probe-red'] })).toEqual([
      'probe-red',
    ]);
  });

  test('whatever is unknown, a plan goes only if each unknown is accepted or evident', () => {
    const answer = fc.constantFrom('yes', 'no', 'unknown');
    const codesToAllow = fc.subarray(['identity-may-use-key', 'network-allows', 'probe-green', 'resource-active']);
    const facts = fc.record({
      mayUseKey: answer,
      networkAllows: answer,
      colour: fc.constantFrom('green', 'red', 'unknown'),
      allow: codesToAllow,
    });
    fc.assert(
      fc.property(facts, ({ mayUseKey, networkAllows, colour, allow }) => {
        const given = { ...withHub({ mayUseKey, networkAllows, probe: probe(colour) }), allowUnknown: allow };
        const stands = (result: string, code: string) =>
          result === 'yes' || (result === 'unknown' && (colour === 'green' || allow.includes(code)));
        const may =
          stands(mayUseKey, 'identity-may-use-key') &&
          stands(networkAllows, 'network-allows') &&
          (colour === 'green' || (colour === 'unknown' && allow.includes('probe-green')));
        expect(decision(given)).toBe(may ? 'go' : 'refuse');
      }),
    );
  });
});

describe('the way back', () => {
  const longest = longestRunSeconds(policy, good.targets);

  test('counts soak, a wait of every phase and target in both directions, and every operation', () => {
    // 2 phases before, 3 targets, the soak's grace, the proof of the way back, 3 targets; 2 services forward and back.
    expect(longest).toBe((24 + (2 + 3 + 1 + 1 + 3) * 6 + 4 * 1) * hour);
  });

  test('is open until the last instant that a run may take, and closed one earlier', () => {
    const end = now.getTime() + longest * 1000;
    expect(decision(withVersion({ expiresOn: new Date(end + 1) }))).toBe('go');
    expect(codes(withVersion({ expiresOn: new Date(end) }))).toContain('previous-expires-too-soon');
  });

  test('near expiry alone is no reason to refuse', () => {
    expect(decision(withVersion({ expiresOn: new Date(now.getTime() + 25 * 24 * hour * 1000) }))).toBe('go');
  });

  test('is asked about data keys where no service is', () => {
    const facts = { ...withVersion({ expiresOn: now }), targets: [target('dataKeys')] };
    expect(codes(facts)).toEqual(['previous-expires-too-soon']);
  });
});

describe('nothing to do', () => {
  const v2 = version('v2', 11);
  const moved = { keyIdentifiers: [`${key}/v2`] };
  const all = { ...good, toVersion: 'v2', versions: [v1, v2], inUseDetails: [detailOf(v1), detailOf(v2)] };

  test('a run to the version that every target stands on is skipped', () => {
    const facts = { ...all, targets: [target('iotHub', moved), target('dps', moved), target('dataKeys', moved)] };
    expect(codes(facts)).toEqual(['nothing-to-do']);
    expect(decidePlan(facts).plan).toMatchObject({ decision: 'skip', previousVersion: 'v2', nextVersion: 'v2' });
  });

  test('one target that stands elsewhere is something to do', () => {
    expect(decision({ ...all, targets: [target('iotHub', moved), target('dps')] })).toBe('go');
    expect(
      decision({
        ...all,
        targets: [target('iotHub', moved), target('dataKeys', { keyIdentifiers: [`${key}/v1`, `${key}/v2`] })],
      }),
    ).toBe('go');
  });

  test('records that cannot be rewrapped stay, where the configuration says so', () => {
    const finish = { onBadDataKey: 'finish' as const, unfit: [{ code: 'record-garbled', message: 'One.' }] };
    const odd = { ...finish, keyIdentifiers: [`${key}/v0`, `${key}/v1`] };
    const { plan, runPlan } = decidePlan({ ...good, targets: [target('dataKeys', odd)] });
    expect(plan.decision).toBe('go');
    expect(plan.checks.find(({ code }) => code === 'records-fit')?.message).toContain('One.');
    // A version that is not there is none to go back to.
    expect(runPlan.targets).toMatchObject([{ previousVersion: 'v1', onBadDataKey: 'finish' }]);
    const before = decidePlan({ ...good, targets: [target('dataKeys')] });
    expect(before.runPlan.targets[0]).not.toHaveProperty('onBadDataKey');
  });

  test('an empty store beside targets that have moved is nothing to do', () => {
    const empty = target('dataKeys', { total: 0, keyIdentifiers: [] });
    expect(decision({ ...all, targets: [target('iotHub', moved), empty] })).toBe('skip');
    expect(decision({ ...all, targets: [empty] })).toBe('skip');
    expect(decision({ ...good, targets: [] })).toBe('skip');
  });

  test('what is broken or missing is not skipped', () => {
    expect(decision({ ...all, targets: [target('iotHub', { ...moved, exists: false })] })).toBe('refuse');
    expect(
      decision({
        ...all,
        targets: [target('dataKeys', { ...moved, unfit: [{ code: 'record-garbled', message: 'One.' }] })],
      }),
    ).toBe('refuse');
    expect(decision({ ...all, toVersion: 'v9', targets: [target('iotHub', { keyIdentifiers: [`${key}/v9`] })] })).toBe(
      'refuse',
    );
  });
});

describe('versions', () => {
  const versions = [version('v3', 12), version('v1', 10), version('v2', 11)];
  const on = (kind: TargetFacts['kind'], ...names: string[]) =>
    target(kind, { keyIdentifiers: names.map((name) => `${key}/${name}`) });

  test('the version in use is the oldest that a hub or DPS stands on, whatever data keys name', () => {
    const targets = [on('iotHub', 'v3'), on('dps', 'v2'), on('dataKeys', 'v1')];
    expect(versionInUse({ key, versions, targets })).toBe('v2');
    expect(versionsInUse({ key, versions, targets })).toEqual(['v1', 'v2', 'v3']);
  });

  test('with data keys only, it is the oldest that a record names', () => {
    expect(versionInUse({ key, versions, targets: [on('dataKeys', 'v3', 'v1')] })).toBe('v1');
    expect(versionInUse({ key, versions, targets: [] })).toBeNull();
  });

  test('previous is that of the first target that moves', () => {
    const details = versions.map((listed) => detailOf(listed));
    const facts = {
      ...good,
      versions,
      inUseDetails: details,
      targets: [on('iotHub', 'v3'), on('dps', 'v2'), on('dataKeys', 'v1')],
    };
    expect(decidePlan(facts)).toMatchObject({
      plan: { decision: 'go', previousVersion: 'v2', nextVersion: 'v3' },
      runPlan: {
        previousVersion: 'v2',
        targets: [{ previousVersion: 'v3' }, { previousVersion: 'v2' }, { previousVersion: 'v1' }],
      },
    });
  });

  test('the version to be made has no name yet', () => {
    expect(decidePlan(good).plan.nextVersion).toBeNull();
  });

  test('I8: hub and DPS that begin apart are told so, and each keeps its own way back', () => {
    const details = versions.map((listed) => detailOf(listed));
    const { plan } = decidePlan({
      ...good,
      versions,
      inUseDetails: details,
      targets: [on('iotHub', 'v1'), on('dps', 'v2')],
    });
    expect(plan.checks.find(({ code }) => code === 'starting-versions')?.message).toContain('different versions');
  });
});

describe('the plan hash', () => {
  const hash = (facts: PlanFacts) => decidePlan(facts).plan.planHash;

  test('is the same for the same facts, in whatever order the vault lists them', () => {
    const versions = [v1, version('v0', 9)];
    expect(hash({ ...good, versions })).toBe(hash({ ...good, versions: versions.toReversed() }));
    expect(hash(good)).toMatch(/^[0-9a-f]{64}$/);
  });

  const same: Record<string, PlanFacts> = {
    'the time': { ...good, now: new Date(now.getTime() + 1000) },
    'what a probe says': withHub({ probe: probe('unknown') }),
    'the number of data keys': withStore({ total: 99 }),
    'the tags of a version': withVersion({ tags: { a: 'b' } }),
  };
  test.each(Object.entries(same))('does not depend on %s', (_, facts) => {
    expect(hash(facts)).toBe(hash(good));
  });

  const different: Record<string, PlanFacts> = {
    'the version asked for': { ...good, toVersion: 'v2' },
    'a new version': { ...good, versions: [v1, version('v2', 11)] },
    'a version disabled': withVersion({ enabled: false }),
    'an expiry': withVersion({ expiresOn: new Date('2030-01-01') }),
    'the order of the targets': { ...good, targets: good.targets.toReversed() },
    'a target less': { ...good, targets: good.targets.slice(1) },
    'an identity': withHub({ principalIds: ['another'] }),
    'an encryption block': withHub({ configuration: '{"encryption":{}}' }),
    'a key identifier': withHub({ keyIdentifiers: [`${key}/v1`, `${other}/v1`] }),
  };
  test.each(Object.entries(different))('changes with %s', (_, facts) => {
    expect(hash(facts)).not.toBe(hash(good));
  });
});
