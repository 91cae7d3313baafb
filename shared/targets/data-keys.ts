import type { Direction, ProbeResult } from '../contracts/activities';
import { withDataKey } from '../rotation/data-key';
import { BadDataKeyError, FaultError, RefusalError } from '../rotation/errors';
import { sameKey, sameKid, versionOf } from '../rotation/key-identifier';
import type {
  DataKeyStore,
  DataKeysTarget,
  KeyVault,
  Now,
  StoreVerification,
  TargetFacts,
  WrappedDataKey,
} from '../rotation/ports';
import { dropBlobsOf, putBackFrom, rewrapTo } from './data-key-changes';
import { distinctKids, surveyOf } from './data-key-facts';
import { everyKid, everyRecord } from './data-key-scan';
import { moveRecords, type Tuning, usualTuning } from './move-records';

export interface DataKeysSettings {
  readonly name: string;
  /** The KEK, unversioned. */
  readonly key: string;
  /** Unversioned identifiers of the keys that it may be replaced by, or that took its place: what they wrapped is read too. */
  readonly replacements?: readonly string[];
  /** What the rotation does about data keys that could not be moved, once the others have been. */
  readonly onBadDataKey?: 'roll-back' | 'finish';
  readonly tuning?: Tuning;
}

export interface DataKeysPorts {
  readonly store: DataKeyStore;
  readonly keyVault: KeyVault;
  readonly now: Now;
}

/** Records of one version that are tried before it is said that none of them opens: some may have been bad before we came. */
const samples = 5;

/** A store of wrapped data keys: moved record by record; the store itself is the checkpoint. */
export function dataKeysTarget(settings: DataKeysSettings, { store, keyVault, now }: DataKeysPorts): DataKeysTarget {
  const { name, key, replacements = [], onBadDataKey = 'roll-back', tuning = usualTuning } = settings;

  const readable = [key, ...replacements];

  /** Distinct key identifiers that the records name, oldest version first where the vault tells. */
  const oldestFirst = async (named: readonly string[]): Promise<readonly string[]> => {
    if (named.length < 2) return named;
    const created = new Map(
      (await keyVault.versions(key)).map(({ version, createdOn }) => [version, createdOn.getTime()]),
    );
    const age = (kid: string): number => created.get(versionOf(kid) ?? '') ?? Number.POSITIVE_INFINITY;
    return [...named].sort((a, b) => age(a) - age(b));
  };
  const survey = (...others: readonly string[]) => surveyOf(everyRecord(store), key, others);
  const kids = async () => oldestFirst(await distinctKids(everyKid(store), key));

  const probe = async (): Promise<ProbeResult> => {
    const { items } = await store.page(null, samples);
    if (items.length === 0) return { kind: 'dataKeys', name, colour: 'green', message: 'The store holds no record.' };
    return { kind: 'dataKeys', name, ...(await colourOf(items)) };
  };

  /** Opens the first of the records that does. @throws what the last one was refused with, or at once what concerns them all */
  async function openOneOf(records: readonly WrappedDataKey[]): Promise<WrappedDataKey> {
    let refused: unknown;
    for (const record of records) {
      try {
        await withDataKey(record, readable, keyVault, () => undefined);
        return record;
      } catch (error) {
        if (!(error instanceof BadDataKeyError)) throw error;
        refused = error;
      }
    }
    throw refused;
  }

  async function colourOf(records: readonly WrappedDataKey[]): Promise<Pick<ProbeResult, 'colour' | 'message'>> {
    try {
      const { kid } = await openOneOf(records);
      return { colour: 'green', message: `A data key on version ${versionOf(kid)} opens.` };
    } catch (error) {
      if (error instanceof RefusalError) return { colour: 'red', message: error.message };
      if (error instanceof FaultError) return { colour: 'unknown', message: error.message };
      throw error;
    }
  }

  return {
    kind: 'dataKeys',
    name,
    probe,

    async inspect(_once, replacement): Promise<TargetFacts> {
      const others = replacement === undefined ? [] : [replacement.key];
      const { total, unfit, kids: named, mostNamed } = await survey(...others);
      const keyIdentifiers = await oldestFirst(named);
      const standsOn = mostNamed === null ? {} : { standsOn: mostNamed };
      return factsOf(name, { total, unfit, keyIdentifiers, onBadDataKey, ...standsOn, probe: await probe() });
    },

    async movePage({ kid, direction, previousKid, ...order }) {
      // Of a rotation both are the same key; what any other one wrapped is not ours to move.
      const keys = sameKey(key, kid) ? key : [key, kid];
      const changeOf =
        direction === 'forward'
          ? rewrapTo(await keyVault.version(kid), keys, keyVault)
          : putBackFrom(kid, previousKid, keys, keyVault);
      return moveRecords({ ...order, name, store, now, tuning, changeOf });
    },

    verify,

    references: kids,

    async dropOldBlobs(versions, continuation, fence) {
      const changeOf = dropBlobsOf(versions);
      const order = { continuation, fence, mostNamed: 0, progress: async () => undefined };
      const { moved, continuation: next } = await moveRecords({ ...order, name, store, now, tuning, changeOf });
      return { continuation: next, dropped: moved };
    },

    async currentKid() {
      return (await kids())[0] ?? null;
    },
  };

  async function verify(kid: string, direction: Direction): Promise<StoreVerification> {
    const perVersion = new Map<string, WrappedDataKey[]>();
    let count = 0;
    let behind = 0;
    for await (const record of everyRecord(store)) {
      count += 1;
      if (direction === 'forward' && !sameKid(record.kid, kid)) {
        // A bad one, or one of its owner's that the next pass meets; neither is a proof of anything.
        behind += 1;
        continue;
      }
      const version = readable.some((each) => sameKey(record.kid, each)) ? versionOf(record.kid) : null;
      if (version === null) continue; // bad before we came
      const known = perVersion.get(version) ?? [];
      if (known.length < samples) perVersion.set(version, [...known, record]);
    }
    for (const records of perVersion.values()) await openOneOf(records).catch(acceptOwnFault);
    const how =
      direction === 'forward'
        ? 'each was unwrapped again and compared before it was written'
        : 'the old blobs are back';
    const versions = [...perVersion.keys()].join(', ') || 'no version';
    const others =
      behind === 0 ? '' : ` ${behind} name another version: left as they were, or written by their owner meanwhile.`;
    const opened = `${count - behind} data keys: ${how}; one of each version (${perVersion.size}) was opened once more.${others}`;
    return {
      count,
      behind,
      evidence: [
        { strength: 'data-plane', message: opened },
        { strength: 'control-plane', message: `The records name ${versions}.` },
      ],
      probe: { kind: 'dataKeys', name, colour: 'green', message: opened },
    };
  }
}

/**
 * Records that name a version that is not there, or hold what was never a blob of it, were so before we came: what we wrote was opened
 * first. Bytes that contradict a check value may be the vault's fault, and are not accepted.
 */
function acceptOwnFault(error: unknown): void {
  const own = error instanceof BadDataKeyError && !['check-value-mismatch', 'unwraps-disagree'].includes(error.code);
  if (!own) throw error;
}

function factsOf(
  name: string,
  read: Pick<TargetFacts, 'total' | 'unfit' | 'keyIdentifiers' | 'probe'> &
    Pick<TargetFacts, 'standsOn'> &
    Required<Pick<TargetFacts, 'onBadDataKey'>>,
): TargetFacts {
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
    configuration: JSON.stringify([name, read.keyIdentifiers, read.onBadDataKey]),
    ...read,
  };
}
