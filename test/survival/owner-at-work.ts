import type { Trial } from './trial';

/** What an owner may do to a record just when Keyturn is about to write it. */
const deeds = [
  'replace under the old version',
  'replace under the new version',
  'touch',
  'remove',
  'make again',
] as const;

/**
 * Just before a write of Keyturn's reaches storage, the owner gets there first: with a share of the records, whatever the write holds
 * besides. And now and then he stores a new one under the version that is being left. @returns what ends it
 */
export function ownerAtWork(trial: Trial, share: number): () => void {
  const { store, chance } = trial;
  const ids = [...store.remembered.keys()];
  const met = new Map(
    chance.someOf(ids, Math.ceil(ids.length * share)).map((id, at) => [id, deeds[at % deeds.length]]),
  );
  let born = 0;
  return trial.onWrite(async ({ writes }) => {
    for (const { id } of writes) {
      const deed = met.get(id);
      if (deed === undefined) continue;
      met.delete(id);
      await interfere(trial, id, deed);
      if (chance.next() < 0.25) await store.add(`late-${born++}`, trial.previousVersion);
    }
    return undefined;
  });
}

async function interfere({ store, previousVersion, nextVersion }: Trial, id: string, deed: (typeof deeds)[number]) {
  if (deed === 'remove') await store.remove(id);
  else if (deed === 'touch') await store.touch(id);
  else if (deed === 'make again') await store.removeAndMakeAgain(id, previousVersion);
  else await store.replace(id, deed === 'replace under the new version' ? nextVersion : previousVersion);
}
