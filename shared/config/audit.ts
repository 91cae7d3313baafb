import { sameKey } from '../rotation/key-identifier';
import type { Cloud } from './cloud';
import { readIdentifier } from './keys';
import type { Problems } from './problems';
import { place, type RotationFile } from './rotation-file';

/** What signs the heads of histories. */
export interface AuditConfiguration {
  /** Unversioned identifiers, canonical. */
  readonly key: string;
  readonly formerKeys: readonly string[];
  /** After how many records the newest is signed and anchored, beside the ends of runs. */
  readonly every: number;
}

const presetEvery = 100;

/** Null if no key is configured: then the chain of hashes stands alone. */
export function readAudit(
  path: string,
  file: RotationFile,
  cloud: Pick<Cloud, 'vaultSuffix' | 'managedHsmSuffix'>,
  problems: Problems,
): AuditConfiguration | null {
  const { auditKey, formerAuditKeys = [], anchorEvery = presetEvery } = file;
  const read = (setting: string, text: string): string | null => {
    const identifier = readIdentifier(setting, text, cloud, problems);
    const kek = identifier && file.keys.find(({ key }) => sameKey(key, identifier.key));
    if (kek) {
      const whatToDo = 'make a key of its own for it, with the operations sign and verify alone';
      problems.add(setting, 'is a key that is rotated here', whatToDo);
    }
    return identifier?.key ?? null;
  };
  const former = formerAuditKeys.map((text, index) => read(place(path, ['formerAuditKeys', index]), text));
  if (auditKey === undefined) {
    if (former.length === 0) return null;
    const whatToDo = 'name the key that signs now as "auditKey"; what the former ones signed is judged only then';
    return problems.add(place(path, ['formerAuditKeys']), 'is set without a key that signs', whatToDo);
  }
  const key = read(place(path, ['auditKey']), auditKey);
  const again = former.findIndex((each) => each !== null && key !== null && sameKey(each, key));
  if (again >= 0) {
    problems.add(place(path, ['formerAuditKeys', again]), 'is the key that signs now', 'name it once, as "auditKey"');
  }
  return key === null ? null : { key, formerKeys: former.filter((each) => each !== null), every: anchorEvery };
}
