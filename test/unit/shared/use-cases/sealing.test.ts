import { readRecord } from '../../../../shared/azure/audit-rows';
import { chain } from '../../../../shared/rotation/audit-chain';
import { FaultError, RefusalError } from '../../../../shared/rotation/errors';
import { lookAfterHistory, sealedAlong, sealQuietly, verifyAndTell } from '../../../../shared/rotation/history-care';
import type { AuditEntry, AuditRecord, SignedHead } from '../../../../shared/rotation/ports';
import type { RotationPorts } from '../../../../shared/rotation/run-ports';
import { signedText } from '../../../../shared/rotation/signed-head';
import { verifyKey } from '../../../../shared/rotation/verifying';
import { fakeAnchorStore, fakeHeadSigner, makeSigningKey, signText } from '../../../fakes/sealing';
import { key, makeWorld } from './world';

const day = 86_400;

/** A history of some records, signed and anchored after each of `sealAt`. */
async function setUp(records: number, sealAt: readonly number[] = [records]) {
  const world = makeWorld();
  const [signer, anchors] = [fakeHeadSigner(), fakeAnchorStore()];
  const ports: RotationPorts = { ...world.ports, sealing: { signer, anchors, every: 100 } };
  const tell = (number: number) => world.auditLog.append(key, entryOf(number, world.now()), `${number}`);
  for (let number = 1; number <= records; number++) {
    await tell(number);
    world.pass(60);
    if (sealAt.includes(number)) await lookAfterHistory(ports, key);
  }
  const { auditLog } = world;
  const stored = auditLog.stored(key);
  return {
    world,
    ports,
    signer,
    anchors,
    tell,
    stored,
    heads: auditLog.heads(key),
    seals: auditLog.kept(key),
    alerts: () => world.alerts.sent.map(({ type }) => type),
    verify: () => verifyKey(ports, key),
    care: () => lookAfterHistory(ports, key),
  };
}

const entryOf = (number: number, at: string): AuditEntry => ({
  rotationId: 'run',
  at,
  actor: 'keyturn',
  action: 'rewrap',
  target: null,
  outcome: 'done',
  message: `Step ${number}.`,
  details: { number },
});

/** What the table shows of a record whose row holds nothing that can be read. */
const unreadable = (ofChain: number, sequence: number): AuditRecord =>
  readRecord({ partitionKey: 'p', rowKey: `r_${ofChain}_${sequence}`, record: 'not JSON' });

/** Writes the history anew from one record on, as somebody can who may write the table: every hash fits, the head too. */
function rewriteFrom(history: Awaited<ReturnType<typeof setUp>>, sequence: number): void {
  const { stored, heads } = history;
  const records = stored.splice(sequence - 1);
  for (const record of records) {
    const message = record.sequence === sequence ? 'Nothing happened.' : record.message;
    stored.push(chain(stored.at(-1) ?? null, key, { ...record, message }));
  }
  const { chain: number, sequence: newest, hash } = stored.at(-1) as AuditRecord;
  heads.splice(0, heads.length, { chain: number, sequence: newest, hash });
}

describe('signing the head of a history', () => {
  test('the newest record is signed and anchored, and verification says how far', async () => {
    const { seals, anchors, verify } = await setUp(5, [3, 5]);
    expect(seals.map(({ chain: number, sequence }) => [number, sequence])).toEqual([
      [1, 3],
      [1, 5],
    ]);
    expect([...anchors.anchored.values()]).toEqual(seals);
    expect(await verify()).toMatchObject({
      ok: true,
      records: 5,
      assurance: 'anchored',
      chains: [{ chain: 1, ok: true, records: 5, signedTo: 5, anchoredTo: 5, begins: null, brokenAt: null }],
      signers: [{ thumbprint: expect.stringMatching(/^[\w-]{43}$/) }],
    });
  });

  test('what is signed already is not signed again, and an empty history not at all', async () => {
    const { signer, care } = await setUp(2);
    await care();
    expect(signer.interfere.calls('sign')).toBe(1);
    const empty = await setUp(0);
    await empty.care();
    expect(empty.signer.interfere.calls('sign')).toBe(0);
  });

  test('without a key nothing is signed, and verification says plainly what that is worth', async () => {
    const world = makeWorld();
    await world.auditLog.append(key, entryOf(1, world.now()), '1');
    await lookAfterHistory(world.ports, key);
    const verdict = await verifyKey(world.ports, key);
    expect(verdict).toMatchObject({ ok: true, assurance: 'chain', says: expect.stringContaining('shows accidents') });
  });

  test.each(['anchors', 'row'])('I2: a crash before the %s is made up for by the next round', async (before) => {
    const { ports, anchors, world, seals, care, verify } = await setUp(2, []);
    if (before === 'anchors') anchors.interfere.fail('put');
    else world.auditLog.interfere.fail('keepSeal');
    await sealQuietly(ports, key);
    expect(seals).toEqual([]);
    expect((await verify()).ok).toBe(true);
    await care();
    expect(seals).toEqual([...anchors.anchored.values()]);
    expect(await verify()).toMatchObject({ ok: true, assurance: 'anchored' });
  });

  test('two who sign the same head at once keep one signed head', async () => {
    const { ports, anchors, seals, verify } = await setUp(4, []);
    await Promise.all([lookAfterHistory(ports, key), lookAfterHistory(ports, key), lookAfterHistory(ports, key)]);
    expect(seals).toEqual([...anchors.anchored.values()]);
    expect(seals).toHaveLength(1);
    expect((await verify()).ok).toBe(true);
  });

  test('every so many records the head is signed on the way', async () => {
    const { ports, world, seals } = await setUp(0);
    const log = sealedAlong(world.auditLog, 3, (asked) => sealQuietly(ports, asked));
    for (let number = 1; number <= 7; number++) await log.append(key, entryOf(number, world.now()), `${number}`);
    expect(seals.map(({ sequence }) => sequence)).toEqual([3, 6]);
  });

  test('a signer that fails in the middle of a run is not the run’s matter', async () => {
    const { ports, world, signer } = await setUp(0);
    signer.interfere.failAlways('current', new RefusalError('key-vault-forbidden', 'No role.'));
    const log = sealedAlong(world.auditLog, 1, (asked) => sealQuietly(ports, asked));
    expect(await log.append(key, entryOf(1, world.now()), '1')).toMatchObject({ sequence: 1 });
  });

  test('a newer version of the key signs on, and what the older one signed still counts', async () => {
    const { signer, tell, care, seals, verify } = await setUp(3);
    signer.renew();
    await tell(4);
    await care();
    expect(new Set(seals.map(({ kid }) => kid)).size).toBe(2);
    expect(await verify()).toMatchObject({ ok: true, signers: [{}, {}] });
  });
});

describe('a head that cannot be signed', () => {
  test('a refusal alerts once, is on record, and ends nothing', async () => {
    const { signer, tell, care, alerts, stored, world } = await setUp(2);
    signer.interfere.failAlways('current', new RefusalError('key-vault-forbidden', 'Give the identity a role.'));
    await tell(3);
    for (let round = 0; round < 3; round++) {
      await care();
      world.pass(900);
    }
    expect(alerts()).toEqual(['Keyturn.History.NotSealed']);
    expect(stored.filter(({ action, outcome }) => action === 'seal' && outcome === 'failed')).toHaveLength(1);
    expect(world.alerts.sent[0]?.data).toMatchObject({ key, code: 'key-vault-forbidden', left: expect.any(String) });
  });

  test.each([
    ['before the alert loses none', 'loseAnswer', 1, 1],
    ['before it is on record that it was told repeats it under the same id', 'fail', 2, 2],
  ] as const)('a death %s', async (_what, how, nth, times) => {
    const { signer, tell, care, world } = await setUp(2);
    signer.interfere.failAlways('current', new RefusalError('key-vault-forbidden', 'Give the identity a role.'));
    await tell(3);
    const killed = new Error('killed');
    world.auditLog.interfere[how]('append', nth, killed);
    await expect(care()).rejects.toBe(killed);
    for (let round = 0; round < 3; round++) {
      world.pass(900);
      await care();
    }
    expect(new Set(world.alerts.sent.map(({ id }) => id)).size).toBe(1);
    expect(world.alerts.sent).toHaveLength(times);
  });

  test('a fault alerts only when it has lasted for an hour', async () => {
    const { anchors, tell, care, alerts, world } = await setUp(2);
    anchors.interfere.failAlways('put', new FaultError('unreachable', 'The container is away.'));
    await tell(3);
    // What counts is how long it has failed, not how old the records are: the first try may come days later, and meet a hiccup.
    world.pass(5 * 86_400);
    await care();
    expect(alerts()).toEqual([]);
    world.pass(3500);
    await care();
    expect(alerts()).toEqual([]);
    world.pass(200);
    await care();
    world.pass(60);
    await care();
    expect(alerts()).toEqual(['Keyturn.History.NotSealed']);
  });

  test('a verification at night that comes before the sweep signs what is new itself, and alerts of nothing', async () => {
    const { tell, world, ports, alerts } = await setUp(2);
    await tell(3);
    world.pass(2 * day);
    expect(await verifyAndTell(ports, key)).toMatchObject({ ok: true, assurance: 'anchored' });
    expect(alerts()).toEqual([]);
  });

  test('after a day verification says that a signed head is missing', async () => {
    const { tell, world, verify } = await setUp(2);
    await tell(3);
    expect((await verify()).ok).toBe(true);
    world.pass(day + 1);
    expect(await verify()).toMatchObject({ ok: false, brokenAt: { sequence: 3, fault: 'anchor-missing' } });
  });
});

type History = Awaited<ReturnType<typeof setUp>>;
const forgedSeal = (history: History, change: Partial<SignedHead>): SignedHead => ({
  ...(history.seals[0] as SignedHead),
  ...change,
});
const cutTo = ({ stored, heads }: History, length: number): void => {
  stored.splice(length);
  const { chain: number, sequence, hash } = stored.at(-1) as AuditRecord;
  heads.splice(0, heads.length, { chain: number, sequence, hash });
};

const tampered: Record<string, [tamper: (history: History) => void, brokenAt: object]> = {
  'a record edited and everything after it hashed again': [
    (history) => rewriteFrom(history, 4),
    // Which of the records since the signed head before it was rewritten nothing can tell.
    { sequence: 4, fault: 'forged', message: expect.stringContaining('one of the records 4 to 6') },
  ],
  'a tail cut off, and the head set back': [(history) => cutTo(history, 4), { sequence: 5, fault: 'cut-off' }],
  'a tail cut off, the head set back, and its signed heads removed': [
    (history) => {
      cutTo(history, 4);
      history.seals.splice(1);
    },
    { sequence: 5, fault: 'cut-off', message: expect.stringContaining('the anchor of record 6') },
  ],
  'everything removed from the table': [
    ({ stored, heads, seals }) => {
      for (const rows of [stored, heads, seals]) rows.splice(0);
    },
    { sequence: 1, fault: 'cut-off' },
  ],
  'a signed head with another signature': [
    (history) => {
      history.seals[0] = forgedSeal(history, { signedAt: '2026-11-22T00:00:00.000Z' });
    },
    { sequence: 3, fault: 'forged', message: expect.stringContaining('signature') },
  ],
  'a signed head by a key of somebody else': [
    (history) => {
      const { signingKey, privateKey } = makeSigningKey('https://stranger.vault.azure.net/keys/mine/1');
      const statement = forgedSeal(history, signingKey);
      const signature = signText(signingKey, privateKey, signedText(statement));
      history.seals[0] = { ...statement, signature };
    },
    { sequence: 3, fault: 'signed-by-another-key' },
  ],
  'a signed head that names our key and carries another': [
    (history) => {
      const { signingKey, privateKey } = makeSigningKey(history.seals[0]?.kid ?? '');
      const statement = forgedSeal(history, signingKey);
      history.seals[0] = { ...statement, signature: signText(signingKey, privateKey, signedText(statement)) };
    },
    { sequence: 3, fault: 'signed-by-another-key' },
  ],
  'an anchor that was removed': [
    ({ anchors }) => {
      const [first = ''] = anchors.anchored.keys();
      anchors.anchored.delete(first);
    },
    { sequence: 3, fault: 'anchor-missing' },
  ],
  'a signing key that is gone': [({ signer }) => signer.lose(), { sequence: 3, fault: 'signing-key-gone' }],
};

describe('verification with signed heads and anchors', () => {
  test.each(Object.entries(tampered))('names %s', async (_, [tamper, brokenAt]) => {
    const history = await setUp(6, [3, 6]);
    expect((await history.verify()).ok).toBe(true);
    tamper(history);
    expect(await history.verify()).toMatchObject({ ok: false, brokenAt: { chain: 1, ...brokenAt } });
  });

  test('signed heads whose key was taken out of the configuration are not passed over', async () => {
    const { world, verify } = await setUp(3);
    expect((await verify()).ok).toBe(true);
    expect(await verifyKey(world.ports, key)).toMatchObject({ ok: false, brokenAt: { fault: 'signing-key-gone' } });
  });

  test('a vault that cannot be reached is no verdict', async () => {
    const { signer, verify } = await setUp(3);
    signer.interfere.failAlways('standingOf', new FaultError('unreachable', 'The vault is away.'));
    await expect(verify()).rejects.toMatchObject({ name: 'FaultError' });
  });

  test('what is appended and signed while it runs is no fault', async () => {
    const { world, tell, care, verify } = await setUp(3);
    world.auditLog.interfere.before('trail', 1, async () => {
      await tell(4);
      await care();
    });
    expect((await verify()).ok).toBe(true);
  });
});

describe('a history that was tampered with', () => {
  const broken = { ok: false, brokenAt: { chain: 1, sequence: 4, fault: 'forged' } };

  test('is not signed: a new chain begins, says why, follows the last good record, and an alert goes out', async () => {
    const history = await setUp(6, [3]);
    const [third] = history.stored.slice(2);
    rewriteFrom(history, 5);
    history.stored.splice(3, 1);
    await history.care();
    expect(history.seals).toHaveLength(1);
    expect(history.stored.at(-1)).toMatchObject({
      chain: 2,
      sequence: 1,
      action: 'begin-chain',
      previousHash: third?.hash,
      details: { brokenChain: 1, brokenSequence: 4, fault: 'removed', lastGoodSequence: 3, lastGoodHash: third?.hash },
    });
    expect(history.alerts()).toEqual(['Keyturn.History.Broken']);
  });

  test('runs are told of in the new chain, which is signed by itself, while the old one stays broken for ever', async () => {
    const history = await setUp(6, [3, 6]);
    rewriteFrom(history, 4);
    expect(await verifyAndTell(history.ports, key)).toMatchObject(broken);
    expect(await history.tell(7)).toMatchObject({ chain: 2, sequence: 2 });
    await history.care();
    expect(await history.verify()).toMatchObject({
      ...broken,
      chains: [
        { chain: 1, ok: false, records: 5 },
        { chain: 2, ok: true, records: 2, signedTo: 2, anchoredTo: 2, begins: { brokenChain: 1 } },
      ],
    });
  });

  test('is told of once: the same break begins no further chain and sends no further alert', async () => {
    const history = await setUp(6, [3, 6]);
    rewriteFrom(history, 4);
    for (let night = 0; night < 3; night++) await verifyAndTell(history.ports, key);
    expect(history.heads).toHaveLength(2);
    expect(history.alerts()).toEqual(['Keyturn.History.Broken']);
  });

  test('is told of once by two who find it at the same time', async () => {
    const { ports, heads, alerts, ...history } = await setUp(6, [3, 6]);
    rewriteFrom({ ports, heads, alerts, ...history }, 4);
    const { auditLog } = ports;
    let read = false;
    const slow: RotationPorts = {
      ...ports,
      auditLog: {
        ...auditLog,
        // A long history: by the time it is read somebody else has found out what is wrong with it.
        trail: async (of, from) => {
          const trail = await auditLog.trail(of, from);
          if (from === undefined && !read) {
            read = true;
            await verifyAndTell(ports, key);
          }
          return trail;
        },
      },
    };
    await verifyAndTell(slow, key);
    expect(heads).toHaveLength(2);
    expect(alerts()).toEqual(['Keyturn.History.Broken']);
  });

  test('is told of before the new chain begins: who dies in between leaves it to the next, who tells under the same id', async () => {
    const { world, ports, heads, ...history } = await setUp(6, [3, 6]);
    rewriteFrom({ world, ports, heads, ...history }, 4);
    world.auditLog.interfere.fail('beginChain');
    await expect(verifyAndTell(ports, key)).rejects.toThrow(FaultError);
    for (let night = 0; night < 2; night++) await verifyAndTell(ports, key);
    expect(heads).toHaveLength(2);
    const ids = world.alerts.sent.map(({ id }) => id);
    expect(ids).toEqual([ids[0], ids[0]]);
  });

  test('that an append had to begin a new chain, because rows were gone, is told of by the next verification, once', async () => {
    const { world, ports, heads, alerts, ...history } = await setUp(6, [3, 6]);
    rewriteFrom({ world, ports, heads, alerts, ...history }, 4);
    const [, , third] = history.stored;
    const lastGood = { chain: 1, sequence: 3, hash: third?.hash ?? '' };
    const why = { brokenChain: 1, brokenSequence: 4, fault: 'cut-off', message: 'It is gone.', lastGood };
    await world.auditLog.beginChain(key, 1, why, world.now());
    for (let night = 0; night < 3; night++) await verifyAndTell(ports, key);
    expect(heads).toHaveLength(2);
    expect(alerts()).toEqual(['Keyturn.History.Broken']);
    expect(world.alerts.sent[0]?.data).toMatchObject({ chain: 1, sequence: 4, fault: 'cut-off', newChain: 2 });
  });

  test('a second break, in the new chain, begins a third', async () => {
    const history = await setUp(6, [3, 6]);
    rewriteFrom(history, 4);
    await verifyAndTell(history.ports, key);
    await history.tell(7);
    const last = history.stored.at(-1) as AuditRecord;
    history.stored.splice(-1, 1, { ...last, message: 'Nothing happened.' });
    const { chains } = await verifyAndTell(history.ports, key);
    expect(chains.map(({ ok }) => ok)).toEqual([false, false]);
    expect(history.stored.at(-1)).toMatchObject({ chain: 3, details: { brokenChain: 2, fault: 'edited' } });
  });

  test('a new chain whose beginning cannot be read any more is told of once, and once more of what it had said', async () => {
    const history = await setUp(6, [3, 6]);
    rewriteFrom(history, 4);
    await verifyAndTell(history.ports, key);
    const { stored, alerts, world } = history;
    const first = stored.findIndex((record) => record.chain === 2 && record.sequence === 1);
    stored.splice(first, 1, unreadable(2, 1));
    for (let night = 0; night < 2; night++, world.pass(60)) await verifyAndTell(history.ports, key);
    expect(alerts()).toEqual(Array.from({ length: 3 }, () => 'Keyturn.History.Broken'));
    expect(world.alerts.sent.map(({ data }) => data['chain']).toSorted()).toEqual([1, 1, 2]);
  });

  test('a new chain whose beginning does not follow the record it names is not believed', async () => {
    const history = await setUp(3);
    await history.world.auditLog.append(key, entryOf(9, history.world.now()), '9');
    const last = history.stored.pop() as AuditRecord;
    const forged = chain({ chain: 2, sequence: 0, hash: 'f'.repeat(64) }, key, last);
    history.stored.push(forged);
    history.heads.splice(0, 1, { chain: 1, sequence: 3, hash: last.previousHash });
    history.heads.push({ chain: 2, sequence: 1, hash: forged.hash });
    expect(await history.verify()).toMatchObject({ ok: false, brokenAt: { chain: 2, sequence: 1, fault: 'forged' } });
  });

  test('an anchor that was removed alerts once; the records hold, so no new chain begins', async () => {
    const { ports, anchors, heads, alerts, world } = await setUp(6, [3, 6]);
    const [first = ''] = anchors.anchored.keys();
    anchors.anchored.delete(first);
    for (let night = 0; night < 2; night++, world.pass(day)) await verifyAndTell(ports, key);
    expect(heads).toHaveLength(1);
    expect(alerts()).toEqual(['Keyturn.History.NotSealed']);
  });

  test('a chain that ended because its key is gone is still watched: who writes it anew later is told of, once', async () => {
    const history = await setUp(3);
    const { signer, tell, care, stored, alerts, world, ports } = history;
    signer.lose();
    await tell(4);
    await care();
    await verifyAndTell(ports, key);
    expect(alerts()).toHaveLength(1);
    const [, second] = stored;
    stored.splice(1, 1, { ...(second as AuditRecord), message: 'Nothing happened.' });
    for (let night = 0; night < 3; night++, world.pass(day)) await verifyAndTell(ports, key);
    const broken = world.alerts.sent.filter(({ type }) => type === 'Keyturn.History.Broken');
    expect(broken.map(({ data }) => [data['chain'], data['sequence'], data['fault']])).toEqual([
      [1, 4, 'signing-key-gone'],
      [1, 2, 'edited'],
    ]);
  });

  test('a signing key that is gone begins an unsigned chain that says so, once', async () => {
    const { signer, tell, care, heads, stored, alerts, seals, verify } = await setUp(3);
    signer.lose();
    await tell(4);
    for (let round = 0; round < 3; round++) await care();
    expect(heads).toHaveLength(2);
    expect(stored.at(-1)).toMatchObject({ chain: 2, details: { fault: 'signing-key-gone', lastGoodSequence: 4 } });
    expect(alerts()).toEqual(['Keyturn.History.Broken']);
    expect(seals).toHaveLength(1);
    expect(await verify()).toMatchObject({
      ok: false,
      brokenAt: { chain: 1, fault: 'signing-key-gone' },
      chains: [
        { ok: false, records: 4 },
        { ok: true, records: 1, signedTo: 0 },
      ],
    });
  });
});
