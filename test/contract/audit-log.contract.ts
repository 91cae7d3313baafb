import { randomUUID } from 'node:crypto';
import { genesisHash } from '../../shared/rotation/audit-chain';
import type { AuditEntry, AuditLog, AuditQuery, AuditRecord, SignedHead } from '../../shared/rotation/ports';
import { type AuditVerification, verifyHistory } from '../../shared/rotation/verify-history';

/** What the records and heads of a log alone come to. */
export async function verified(log: AuditLog, key: string): Promise<AuditVerification> {
  return verifyHistory({ key, ...(await log.trail(key)), seals: [], anchors: null, signer: null, now: null });
}

/** What Keyturn relies on of its audit log, held against one. `setup` runs once; every test takes a KEK of its own. */
export function describeAuditLogContract(name: string, setup: () => Promise<AuditLog>): void {
  describe(`the audit log contract, kept by ${name}`, () => {
    let log: AuditLog;
    let key: string;

    beforeAll(async () => {
      log = await setup();
    });
    beforeEach(() => {
      key = `https://kv-test.vault.azure.net/keys/${randomUUID()}`;
    });

    const everything = async (limit: number, rotationId: string | null = null): Promise<AuditRecord[]> => {
      const all: AuditRecord[] = [];
      let continuation: string | null = null;
      do {
        const page = await log.list(key, { rotationId, limit, continuation });
        expect(page.items.length).toBeLessThanOrEqual(limit);
        all.push(...page.items);
        continuation = page.continuation;
      } while (continuation !== null);
      return all;
    };

    test('an empty chain verifies, and has no head', async () => {
      expect(await verified(log, key)).toMatchObject({ ok: true, records: 0, head: null, chains: [] });
      expect(await log.head(key)).toBeNull();
      expect(await log.list(key, { rotationId: null, limit: 10, continuation: null })).toEqual({
        items: [],
        continuation: null,
      });
    });

    test('records are numbered from one, chained, and read back as they were answered', async () => {
      const first = await log.append(key, entryOf('claim'), 'a');
      const second = await log.append(key, entryOf('plan'), 'b');
      expect(first).toMatchObject({ ...entryOf('claim'), key, chain: 1, sequence: 1, previousHash: genesisHash });
      expect(second).toMatchObject({ ...entryOf('plan'), key, sequence: 2, previousHash: first.hash });
      expect(await everything(10)).toEqual([first, second]);
      expect(await verified(log, key)).toMatchObject({ ok: true, records: 2, head: second.hash });
      expect(await log.head(key)).toEqual({ chain: 1, sequence: 2, hash: second.hash });
    });

    test('I2: the same idempotency key again answers the first record and writes nothing', async () => {
      const first = await log.append(key, entryOf('claim'), 'a');
      await log.append(key, entryOf('plan'), 'b');
      expect(await log.append(key, entryOf('something else'), 'a')).toEqual(first);
      expect(await everything(10)).toHaveLength(2);
    });

    test('an idempotency key that no table would take as a key works like any other', async () => {
      const odd = `run|1|rewrap|iotHub/hub|done|#?\\ é ${'x'.repeat(300)}`;
      const first = await log.append(key, entryOf('rewrap'), odd);
      expect(await log.append(key, entryOf('rewrap'), odd)).toEqual(first);
      expect(await everything(10)).toHaveLength(1);
    });

    test('many appends at once make one chain without holes', async () => {
      const count = 12;
      const appended = await Promise.all(
        Array.from({ length: count }, (_, index) => log.append(key, entryOf(`step ${index}`), `key ${index}`)),
      );
      const sequences = appended.map(({ sequence }) => sequence).sort((a, b) => a - b);
      expect(sequences).toEqual(Array.from({ length: count }, (_, index) => index + 1));
      expect(await verified(log, key)).toMatchObject({ ok: true, records: count });
    });

    test('I2: many appends of one record at once make one record', async () => {
      const appended = await Promise.all(Array.from({ length: 8 }, () => log.append(key, entryOf('claim'), 'same')));
      for (const record of appended) expect(record).toEqual(appended[0]);
      expect(await everything(10)).toHaveLength(1);
    });

    test('pages go from the oldest record to the newest, and end with null', async () => {
      for (let index = 1; index <= 7; index++) await log.append(key, entryOf(`step ${index}`), `key ${index}`);
      expect((await everything(3)).map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6, 7]);
      expect((await everything(7)).map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    });

    test('the records of one rotation are found among those of others', async () => {
      for (let index = 1; index <= 6; index++) {
        await log.append(
          key,
          { ...entryOf(`step ${index}`), rotationId: index % 2 === 0 ? 'even' : 'odd' },
          `key ${index}`,
        );
      }
      expect((await everything(2, 'even')).map(({ sequence }) => sequence)).toEqual([2, 4, 6]);
      expect(await everything(2, 'no such run')).toEqual([]);
    });

    test('records are narrowed by the time they tell, with both ends included, page by page and by rotation', async () => {
      for (let second = 1; second <= 6; second++) {
        const rotationId = second % 2 === 0 ? 'even' : 'odd';
        await log.append(
          key,
          { ...entryOf(`step ${second}`), at: instant(second).toISOString(), rotationId },
          `${second}`,
        );
      }
      const within = async (from: Date | null, to: Date | null, rotationId: string | null = null) => {
        const found: number[] = [];
        let continuation: string | null = null;
        do {
          const page = await log.list(key, { rotationId, limit: 2, continuation, from, to });
          found.push(...page.items.map(({ sequence }) => sequence));
          continuation = page.continuation;
        } while (continuation !== null);
        return found;
      };
      expect(await within(instant(2), instant(5))).toEqual([2, 3, 4, 5]);
      expect(await within(instant(5), null)).toEqual([5, 6]);
      expect(await within(null, instant(1))).toEqual([1]);
      expect(await within(instant(2), instant(5), 'odd')).toEqual([3, 5]);
      expect(await within(instant(7), null)).toEqual([]);
      expect(await within(null, null)).toEqual([1, 2, 3, 4, 5, 6]);
    });

    test('records are narrowed by target, actor and outcome, page by page', async () => {
      for (let number = 1; number <= 6; number++) {
        const entry = {
          ...entryOf(`step ${number}`),
          target: number % 2 === 0 ? "dps/o'dps" : null,
          actor: number % 3 === 0 ? 'ann' : 'keyturn',
          outcome: number === 6 ? ('failed' as const) : ('done' as const),
        };
        await log.append(key, entry, `${number}`);
      }
      const narrowed = async (query: Partial<AuditQuery>): Promise<number[]> => {
        const first = await log.list(key, { ...query, limit: 1, continuation: null });
        const { continuation } = first;
        const rest = continuation === null ? null : await log.list(key, { ...query, limit: 10, continuation });
        return [...first.items, ...(rest?.items ?? [])].map(({ sequence }) => sequence);
      };
      expect(await narrowed({ target: "dps/o'dps" })).toEqual([2, 4, 6]);
      expect(await narrowed({ actor: 'ann' })).toEqual([3, 6]);
      expect(await narrowed({ outcome: 'failed' })).toEqual([6]);
      expect(await narrowed({ target: "dps/o'dps", actor: 'keyturn' })).toEqual([2, 4]);
      expect(await narrowed({ actor: "' or '1' eq '1" })).toEqual([]);
    });

    test('a new chain follows the old one in every list, and is the one that is appended to', async () => {
      const first = await log.append(key, entryOf('claim'), 'a');
      const begun = await log.beginChain(key, 1, { ...broken, lastGood: first }, entryOf('x').at);
      expect(begun).toMatchObject({ chain: 2, sequence: 1, previousHash: first.hash, action: 'begin-chain' });
      expect(await log.beginChain(key, 1, broken, '2026-12-01T00:00:00.000Z')).toEqual(begun);
      const next = await log.append(key, entryOf('plan'), 'b');
      expect(next).toMatchObject({ chain: 2, sequence: 2, previousHash: begun.hash });
      expect(await everything(1)).toEqual([first, begun, next]);
      expect(await log.append(key, entryOf('claim'), 'a')).toEqual(first);
      expect(await log.head(key)).toEqual({ chain: 2, sequence: 2, hash: next.hash });
      expect(await verified(log, key)).toMatchObject({ ok: true, records: 3, chains: [{ ok: true }, { ok: true }] });
      const { records } = await log.trail(key, { chain: 2, sequence: 1 });
      const rest: AuditRecord[] = [];
      for await (const record of records) rest.push(record);
      expect(rest).toEqual([next]);
    });

    test('many who begin the same chain at once begin it once, and what is appended meanwhile is not lost', async () => {
      await log.append(key, entryOf('claim'), 'a');
      const begun = await Promise.all([1, 2, 3].map(() => log.beginChain(key, 1, broken, entryOf('x').at)));
      for (const record of begun) expect(record).toEqual(begun[0]);
      await Promise.all([1, 2, 3].map((number) => log.append(key, entryOf(`step ${number}`), `${number}`)));
      expect(await verified(log, key)).toMatchObject({ ok: true, records: 5 });
    });

    test('signed heads are kept once for each place, and listed oldest first', async () => {
      const seals = [sealOf(key, 1, 40), sealOf(key, 1, 300), sealOf(key, 2, 7)];
      for (const seal of seals.toReversed()) await log.keepSeal(key, seal);
      await log.keepSeal(key, sealOf(key, 1, 40));
      expect((await log.seals(key)).toSorted((a, b) => a.chain - b.chain || a.sequence - b.sequence)).toEqual(seals);
      expect(await log.newestSeal(key, 2)).toEqual(seals[2]);
      expect(await log.newestSeal(key, 3)).toBeNull();
      expect(await everything(10)).toEqual([]);
    });

    test('the chains of two keys know nothing of each other', async () => {
      await log.append(key, entryOf('claim'), 'a');
      const other = await log.append(`${key}-other`, entryOf('claim'), 'a');
      expect(other.sequence).toBe(1);
      expect(await verified(log, key)).toMatchObject({ ok: true, records: 1 });
    });

    test('details of every kind, long texts and other scripts come back unchanged', async () => {
      const details = { text: 'ключ “é” 🔑', number: 3.5, yes: true, nothing: null };
      const entry = { ...entryOf('plan'), target: null, message: 'x'.repeat(20_000), details };
      const record = await log.append(key, entry, 'a');
      expect(await everything(10)).toEqual([record]);
      expect(record).toMatchObject(entry);
      expect(await verified(log, key)).toMatchObject({ ok: true });
    });
  });
}

const broken = { brokenChain: 1, brokenSequence: 2, fault: 'edited', message: 'It was edited.', lastGood: null };

const sealOf = (key: string, chain: number, sequence: number): SignedHead => ({
  schema: 'keyturn/signed-head/v1',
  key,
  chain,
  sequence,
  hash: 'a'.repeat(64),
  signedAt: '2026-11-22T12:00:00.000Z',
  kid: 'https://kv.vault.azure.net/keys/audit/1',
  algorithm: 'PS256',
  jwk: { kty: 'RSA', n: 'n'.repeat(700), e: 'AQAB' },
  signature: 's'.repeat(700),
});

const instant = (second: number): Date => new Date(Date.UTC(2026, 10, 22, 14, 35, second, 7));

function entryOf(action: string): AuditEntry {
  return {
    rotationId: '20261122T143501123Z-abcdef-000001',
    at: '2026-11-22T14:35:01.123Z',
    actor: 'keyturn',
    action,
    target: 'iotHub/hub',
    outcome: 'done',
    message: `The ${action} was done.`,
    details: { kid: 'https://kv-test.vault.azure.net/keys/kek/v1', count: 3 },
  };
}
