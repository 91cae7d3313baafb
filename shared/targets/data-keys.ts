import type { Direction, ProbeResult } from '../contracts/activities';
import type { Reason } from '../contracts/rotation';
import { fitDataKey, putBack, rewrap, withDataKey } from '../rotation/data-key';
import { FaultError, RefusalError } from '../rotation/errors';
import { sameKid, versionOf } from '../rotation/key-identifier';
import type {
  DataKeyChange,
  DataKeyStore,
  DataKeysTarget,
  Fence,
  KeyVault,
  KeyVersionDetail,
  TargetFacts,
  Verification,
  WrappedDataKey,
} from '../rotation/ports';

export interface DataKeysSettings {
  readonly name: string;
  /** The KEK, unversioned. */
  readonly key: string;
}

export interface DataKeysPorts {
  readonly store: DataKeyStore;
  readonly keyVault: KeyVault;
}

/** What to write into a record; null if it stays as it is. */
type Change = (record: WrappedDataKey) => Promise<DataKeyChange | null>;

const pageSize = 25;
/** Records of a page that are worked on side by side. */
const sideBySide = 5;
/** An owner who writes the same record at the same time is met again this often before it is left for the next attempt. */
const meetings = 3;

/** A store of wrapped data keys: moved record by record; the store itself is the checkpoint. */
export function dataKeysTarget({ name, key }: DataKeysSettings, { store, keyVault }: DataKeysPorts): DataKeysTarget {
  async function* records(): AsyncGenerator<WrappedDataKey> {
    let continuation: string | null = null;
    do {
      const page: Awaited<ReturnType<DataKeyStore['page']>> = await store.page(continuation, 100);
      yield* page.items;
      continuation = page.continuation;
    } while (continuation !== null);
  }

  /** Distinct key identifiers that the records name, oldest version first where the vault tells. */
  const kids = async (): Promise<readonly string[]> => {
    const named = new Map<string, string>();
    for await (const { kid } of records()) if (!named.has(kid.toLowerCase())) named.set(kid.toLowerCase(), kid);
    if (named.size < 2) return [...named.values()];
    const created = new Map(
      (await keyVault.versions(key)).map(({ version, createdOn }) => [version, createdOn.getTime()]),
    );
    const age = (kid: string): number => created.get(versionOf(kid) ?? '') ?? Number.POSITIVE_INFINITY;
    return [...named.values()].toSorted((a, b) => age(a) - age(b));
  };

  const probe = async (): Promise<ProbeResult> => {
    const page = await store.page(null, 1);
    const [record] = page.items;
    if (record === undefined) return { kind: 'dataKeys', name, colour: 'green', message: 'The store holds no record.' };
    return { kind: 'dataKeys', name, ...(await openedBy(record, key, keyVault)) };
  };

  return {
    kind: 'dataKeys',
    name,
    probe,

    async inspect(): Promise<TargetFacts> {
      const unfit: Reason[] = [];
      let total = 0;
      for await (const record of records()) {
        total += 1;
        const reason = unfitness(record, key);
        if (reason !== null) unfit.push(reason);
      }
      return factsOf(name, { total, unfit, keyIdentifiers: await kids(), probe: await probe() });
    },

    async movePage(kid, direction, continuation, fence, previousKid) {
      const change = direction === 'forward' ? rewrapTo(await keyVault.version(kid)) : putBackFrom(kid, previousKid);
      const page = await store.page(continuation, pageSize);
      let moved = 0;
      for (let from = 0; from < page.items.length; from += sideBySide) {
        const results = await Promise.allSettled(
          page.items.slice(from, from + sideBySide).map((record) => moveRecord(record, change, fence)),
        );
        // All of them have ended before the first failure is told: nothing is left running behind the answer.
        for (const result of results) if (result.status === 'rejected') throw result.reason;
        moved += results.filter((result) => result.status === 'fulfilled' && result.value).length;
      }
      return { continuation: page.continuation, moved, seen: page.items.length };
    },

    async verify(kid, direction) {
      return verify(kid, direction);
    },

    references: kids,

    async dropOldBlobs(versions, continuation, fence) {
      const page = await store.page(continuation, pageSize);
      let dropped = 0;
      for (const record of page.items) {
        if (!keepsBlobOf(record, versions)) continue;
        await fence();
        const { kid, alg, blob, check } = record;
        if ((await store.replace(record, { kid, alg, blob, check, previous: null })) === 'written') dropped += 1;
      }
      return { continuation: page.continuation, dropped };
    },

    async currentKid() {
      return (await kids())[0] ?? null;
    },
  };

  function rewrapTo(next: KeyVersionDetail): Change {
    return (record) => rewrap(record, next, keyVault);
  }

  /**
   * Asks the vault nothing of the next version, which may be the very thing that fails. An old blob goes back only after one of
   * its version was seen to open, page by page: where it does not, the present blob is the only one that can be read.
   */
  function putBackFrom(nextKid: string, previousKid: string | null): Change {
    const opened = new Set<string>();
    let fallback: Promise<KeyVersionDetail | null> | undefined;
    /** Where a record goes back to that its owner replaced whole; read only if there is one. */
    const previous = (): Promise<KeyVersionDetail | null> => {
      fallback ??= previousKid === null ? Promise.resolve(null) : keyVault.version(previousKid);
      return fallback;
    };
    return async (record) => {
      const change = await putBack(record, nextKid, keyVault, record.previous === null ? await previous() : null);
      if (change === null || opened.has(change.kid)) return change;
      await withDataKey({ ...record, ...change }, key, keyVault, () => undefined);
      opened.add(change.kid);
      return change;
    };
  }

  /** @returns whether the record was changed */
  async function moveRecord(found: WrappedDataKey, changeOf: Change, fence: Fence): Promise<boolean> {
    let record: WrappedDataKey | null = found;
    for (let meeting = 1; meeting <= meetings && record !== null; meeting++) {
      const change = await changeOf(record);
      if (change === null) return false;
      await fence();
      const written = await store.replace(record, change);
      if (written === 'written') return true;
      if (written === 'gone') return false; // its owner deleted it; there is nothing left to move
      record = await store.read(record.id);
    }
    if (record === null) return false;
    throw new FaultError('record-busy', `A record of ${name} is being written by its owner again and again.`);
  }

  async function verify(kid: string, direction: Direction): Promise<Verification> {
    const perVersion = new Map<string, WrappedDataKey>();
    let count = 0;
    let behind = 0;
    for await (const record of records()) {
      count += 1;
      if (direction === 'forward' && !sameKid(record.kid, kid)) behind += 1;
      if (!perVersion.has(record.kid)) perVersion.set(record.kid, record);
    }
    for (const record of perVersion.values()) await withDataKey(record, key, keyVault, () => undefined);
    const how =
      direction === 'forward'
        ? 'each was unwrapped again and compared before it was written'
        : 'the old blobs are back';
    // Its owner may write a key at any moment: the last pass before completion moves such records too.
    const late = behind === 0 ? '' : ` ${behind} were written by their owner meanwhile.`;
    const versions = [...perVersion.keys()].map(versionOf).join(', ') || 'no version';
    const opened = `${count} data keys: ${how}; one of each version (${perVersion.size}) was opened once more.${late}`;
    return {
      evidence: [
        { strength: 'data-plane', message: opened },
        { strength: 'control-plane', message: `The records name ${versions}.` },
      ],
      probe: { kind: 'dataKeys', name, colour: 'green', message: opened },
    };
  }
}

/** Whether the old blob that a record keeps was wrapped by one of the versions. */
function keepsBlobOf({ previous }: WrappedDataKey, versions: readonly string[]): boolean {
  if (previous === null) return false;
  try {
    const kept: unknown = JSON.parse(previous);
    const kid = typeof kept === 'object' && kept !== null && 'kid' in kept ? kept.kid : null;
    return typeof kid === 'string' && versions.includes(versionOf(kid) ?? '');
  } catch {
    return false; // not of ours
  }
}

async function openedBy(
  record: WrappedDataKey,
  key: string,
  keyVault: KeyVault,
): Promise<Pick<ProbeResult, 'colour' | 'message'>> {
  try {
    await withDataKey(record, key, keyVault, () => undefined);
    return { colour: 'green', message: `A data key on version ${versionOf(record.kid)} opens.` };
  } catch (error) {
    if (error instanceof RefusalError) return { colour: 'red', message: error.message };
    if (error instanceof FaultError) return { colour: 'unknown', message: error.message };
    throw error;
  }
}

function unfitness(record: WrappedDataKey, key: string): Reason | null {
  try {
    fitDataKey(record, key);
    return null;
  } catch (error) {
    if (error instanceof RefusalError) return { code: error.code, message: error.message };
    throw error;
  }
}

function factsOf(name: string, read: Pick<TargetFacts, 'total' | 'unfit' | 'keyIdentifiers' | 'probe'>): TargetFacts {
  return {
    kind: 'dataKeys',
    name,
    exists: true,
    echoesEncryption: true,
    keySource: 'Microsoft.KeyVault',
    state: null,
    principalIds: [],
    mayUseKey: 'yes',
    mayUseKeyMessage: 'Keyturn itself unwraps the data keys; the probe shows that it may.',
    networkAllows: 'yes',
    networkMessage: 'Keyturn itself calls the vault; the probe shows that it gets in.',
    masked: [],
    configuration: JSON.stringify([name, read.keyIdentifiers]),
    ...read,
  };
}
