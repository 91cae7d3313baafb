import fc from 'fast-check';
import { isRelevant, type KeyEvent, keyEventTypes, parseKeyEvent } from '../../../../shared/rotation/key-event';
import type { KeyVersion } from '../../../../shared/rotation/ports';

const key = 'https://kv.vault.azure.net/keys/kek';
const data = {
  Id: `${key}/v1`,
  VaultName: 'kv',
  ObjectType: 'Key',
  ObjectName: 'kek',
  Version: 'v1',
  NBF: 1559081980,
  EXP: 1559082102,
};
const eventGrid = {
  id: '00eccf70-95a7-4e7c-8299-2eb17ee9ad64',
  topic: '/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/kv',
  subject: 'kek',
  eventType: 'Microsoft.KeyVault.KeyNearExpiry',
  eventTime: '2026-11-22T14:30:00.1234567Z',
  dataVersion: '1',
  metadataVersion: '1',
  data,
};
const wanted: KeyEvent = {
  eventId: eventGrid.id,
  type: 'KeyNearExpiry',
  key,
  kid: `${key}/v1`,
  version: 'v1',
  eventTime: '2026-11-22T14:30:00.123Z',
};

describe('parseKeyEvent', () => {
  test('understands the Event Grid schema', () => {
    expect(parseKeyEvent(eventGrid)).toEqual({ ok: true, event: wanted });
  });

  test('understands CloudEvents 1.0', () => {
    const { id, topic: source, subject, eventType: type, eventTime: time } = eventGrid;
    const cloudEvent = { specversion: '1.0', id, source, subject, type, time, data };
    expect(parseKeyEvent(cloudEvent)).toEqual({ ok: true, event: wanted });
  });

  test.each(keyEventTypes)('knows %s in any case', (type) => {
    const raw = { ...eventGrid, eventType: `MICROSOFT.keyvault.${type.toUpperCase()}` };
    expect(parseKeyEvent(raw)).toEqual({ ok: true, event: { ...wanted, type } });
  });

  const { Id: _, ...withoutId } = data;
  const sloppy: Record<string, [data: unknown, version?: string]> = {
    'names with trailing spaces and values with leading ones, as in the published sample': [
      { 'Id ': ` ${data.Id} `, 'ObjectName ': 'kek', 'ObjectType ': 'Key ', Version: ' v1' },
    ],
    'names in lower case, as in the copy of 2020': [
      { id: data.Id, vaultName: 'kv', objectType: 'key', objectName: 'kek', version: 'v1', nbf: 1, exp: 2 },
    ],
    'dates as strings': [{ ...data, NBF: '1559081980', EXP: '1559082102' }],
    'dates that are null': [{ ...data, NBF: null, EXP: null }],
    'no dates at all': [{ Id: data.Id, ObjectType: 'Key' }],
    'dates that are nonsense, since they are not read': [{ ...data, NBF: {}, EXP: [] }],
    'fields that contradict the identifier, which is believed': [
      { ...data, Version: 'v9', ObjectName: 'other', VaultName: 'x' },
    ],
    'an identifier without version beside the version': [{ ...data, Id: key, Version: ' v7 ' }, 'v7'],
    'a vault in capitals': [{ ...data, Id: 'https://KV.VAULT.azure.net/keys/kek/v1' }],
    'no object type, since the identifier says it': [{ Id: data.Id }],
  };
  test.each(Object.entries(sloppy))('forgives %s', (_, [sloppyData, version = 'v1']) => {
    const event = { ...wanted, version, kid: `${key}/${version}` };
    expect(parseKeyEvent({ ...eventGrid, data: sloppyData })).toEqual({ ok: true, event });
  });

  test.each([undefined, null, '', 'yesterday', '1', '2026-11-22T14:30:00', '2026-99-99T00:00:00Z', 5, {}])(
    'an event time of %j is none',
    (eventTime) => {
      expect(parseKeyEvent({ ...eventGrid, eventTime })).toMatchObject({ ok: true, event: { eventTime: null } });
    },
  );

  const refused: Record<string, [raw: unknown, code: string]> = {
    'no object': ['KeyNearExpiry', 'event-malformed'],
    null: [null, 'event-malformed'],
    'an array, which the host unpacks': [[eventGrid], 'event-malformed'],
    'no type': [{ ...eventGrid, eventType: undefined }, 'event-malformed'],
    'a secret about to expire': [
      { ...eventGrid, eventType: 'Microsoft.KeyVault.SecretNearExpiry' },
      'event-type-unknown',
    ],
    'a changed access policy': [
      { ...eventGrid, eventType: 'Microsoft.KeyVault.VaultAccessPolicyChanged' },
      'event-type-unknown',
    ],
    'the type of another publisher': [{ ...eventGrid, eventType: 'Contoso.KeyNearExpiry' }, 'event-type-unknown'],
    'no id': [{ ...eventGrid, id: undefined }, 'event-id-missing'],
    'a blank id': [{ ...eventGrid, id: '  ' }, 'event-id-missing'],
    'an id that is a number': [{ ...eventGrid, id: 7 }, 'event-id-missing'],
    'an id of 257 characters': [{ ...eventGrid, id: 'x'.repeat(257) }, 'event-id-unfit'],
    'an id with control characters': [{ ...eventGrid, id: 'a\u0000b' }, 'event-id-unfit'],
    'no data': [{ ...eventGrid, data: undefined }, 'key-identifier-unfit'],
    'data that is a string': [{ ...eventGrid, data: JSON.stringify(data) }, 'key-identifier-unfit'],
    'no identifier, since a vault name alone does not say in which cloud': [
      { ...eventGrid, data: withoutId },
      'key-identifier-unfit',
    ],
    'the identifier of a secret': [
      { ...eventGrid, data: { ...data, Id: 'https://kv.vault.azure.net/secrets/s/v1' } },
      'key-identifier-unfit',
    ],
    'another type of object': [{ ...eventGrid, data: { ...data, ObjectType: 'Secret' } }, 'object-type-not-key'],
    'no version anywhere': [{ ...eventGrid, data: { Id: key } }, 'key-version-unfit'],
    'a version that is none': [{ ...eventGrid, data: { Id: key, Version: '../x' } }, 'key-version-unfit'],
  };
  test.each(Object.entries(refused))('refuses %s', (_, [raw, code]) => {
    expect(parseKeyEvent(raw)).toMatchObject({ ok: false, code, message: expect.any(String) });
  });

  test('never throws, whatever it is given', () => {
    const anyData = fc.oneof(fc.anything(), fc.record({ Id: fc.oneof(fc.anything(), fc.constant(data.Id)) }));
    const nearlyEvent = fc.record(
      {
        id: fc.anything(),
        eventType: fc.oneof(fc.anything(), fc.constant(eventGrid.eventType)),
        eventTime: fc.anything(),
        data: anyData,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.oneof(fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true }), nearlyEvent),
        (raw) => {
          const parsed = parseKeyEvent(raw);
          if (parsed.ok) expect(parsed.event.eventId.length).toBeLessThanOrEqual(256);
          else expect(parsed.code).toMatch(/^[a-z-]+$/);
        },
      ),
    );
  });

  test('refusals do not repeat what a stranger wrote', () => {
    const parsed = parseKeyEvent({ ...eventGrid, data: { ...data, Id: 'SharedAccessKey=secret' } });
    expect(JSON.stringify(parsed)).not.toContain('secret');
  });
});

describe('isRelevant', () => {
  const version = (name: string, day: number, more: Partial<KeyVersion> = {}): KeyVersion => ({
    version: name,
    kid: `${key}/${name}`,
    createdOn: new Date(Date.UTC(2026, 0, day)),
    enabled: true,
    notBefore: null,
    expiresOn: null,
    tags: {},
    ...more,
  });
  const versions = [
    version('v0', 1),
    version('v1', 2),
    version('v2', 3),
    version('twin', 2),
    version('ours', 4, { tags: { rotationId: 'run' } }),
    version('off', 5, { enabled: false }),
  ];
  const ask = (type: KeyEvent['type'], name: string, versionsInUse: string[] = ['v1']) =>
    isRelevant(
      { ...wanted, type, version: name, kid: `${key}/${name}` },
      { versionsInUse, versions, managedTag: 'rotationId' },
    );

  const relevant: Record<string, ReturnType<typeof ask>> = {
    'near expiry of the version in use': ask('KeyNearExpiry', 'v1'),
    'expiry of the version in use': ask('KeyExpired', 'v1'),
    'near expiry of the version that one of two targets still uses': ask('KeyNearExpiry', 'v2', ['v1', 'v2']),
    'a new version newer than the one in use': ask('KeyNewVersionCreated', 'v2'),
    'a new version newer than the oldest in use, though another target stands on it': ask(
      'KeyNewVersionCreated',
      'v2',
      ['v1', 'v2'],
    ),
    'a new version where nothing versioned is in use: the plan says what is wrong': ask(
      'KeyNewVersionCreated',
      'v2',
      [],
    ),
  };
  test.each(Object.entries(relevant))('%s is a reason to rotate', (_, answer) => {
    expect(answer).toEqual({ relevant: true });
  });

  const irrelevant: Record<string, [ReturnType<typeof ask>, string]> = {
    'near expiry of a version no target uses': [ask('KeyNearExpiry', 'v0'), 'version-not-in-use'],
    'expiry of a version no target uses': [ask('KeyExpired', 'v2'), 'version-not-in-use'],
    'near expiry where nothing is in use': [ask('KeyNearExpiry', 'v1', []), 'version-not-in-use'],
    'a new version older than the one in use': [ask('KeyNewVersionCreated', 'v0'), 'version-not-newer'],
    'the version in use itself': [ask('KeyNewVersionCreated', 'v1'), 'version-not-newer'],
    'a new version of the same second': [ask('KeyNewVersionCreated', 'twin'), 'version-not-newer'],
    'a version that does not exist': [ask('KeyNewVersionCreated', 'v9'), 'version-unknown'],
    'a new version that is disabled': [ask('KeyNewVersionCreated', 'off'), 'version-disabled'],
    'near expiry of a version in use that is disabled': [ask('KeyNearExpiry', 'off', ['off']), 'version-disabled'],
  };
  test.each(Object.entries(irrelevant))('%s starts nothing', (_, [answer, code]) => {
    expect(answer).toMatchObject({ relevant: false, code, message: expect.any(String) });
  });

  test('I7: a new version that one of our own runs made starts nothing', () => {
    expect(ask('KeyNewVersionCreated', 'ours')).toMatchObject({ relevant: false, code: 'version-is-ours' });
  });

  test('I7: our own version does rotate again once it is in use and about to expire', () => {
    expect(ask('KeyNearExpiry', 'ours', ['ours'])).toEqual({ relevant: true });
  });
});
