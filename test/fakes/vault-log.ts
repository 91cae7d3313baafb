import type { LogWindow, VaultLog, VersionUse } from '../../shared/rotation/ports';
import { type Fake, interference } from './interference';

interface FakeVaultLogExtra {
  readonly told: VersionUse[];
  /** When anything of the vault was recorded. */
  readonly records: string[];
  ownId: string | null;
}

/** The log of one vault in memory: uses and other records, each told if it lies in the window that is asked for. */
export function fakeVaultLog(effects: string[] = []): Fake<VaultLog, FakeVaultLogExtra> {
  const { interfere, run } = interference<VaultLog>(effects);
  const isIn = (time: string, { from, until }: LogWindow): boolean => time >= from && time < until;
  const log: Fake<VaultLog, FakeVaultLogExtra> = {
    interfere,
    told: [],
    records: [],
    ownId: 'keyturn',
    ownPrincipal: () => run('ownPrincipal', '', () => log.ownId),
    newestRecord: (_key, window) =>
      run(
        'newestRecord',
        window.from,
        () =>
          log.records
            .filter((at) => isIn(at, window))
            .toSorted()
            .at(-1) ?? null,
      ),
    uses: (_key, versions, window) =>
      run('uses', window.from, () =>
        log.told.filter(
          ({ version, lastAt }) => (version === null || versions.includes(version)) && isIn(lastAt, window),
        ),
      ),
  };
  return log;
}
