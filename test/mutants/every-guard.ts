import { claim } from './guards/claim';
import { dataKeyProofs } from './guards/data-key-proofs';
import { disabling } from './guards/disabling';
import { fence } from './guards/fence';
import { oneUnit } from './guards/one-unit';
import { ownVersions } from './guards/own-versions';
import { records } from './guards/records';
import { repeating } from './guards/repeating';
import { secrets } from './guards/secrets';
import { undo } from './guards/undo';
import { unknown } from './guards/unknown';
import { wayBack } from './guards/way-back';
import { type NamedMutant, named } from './mutant';

/** Every guard that is taken out in turn, by invariant. */
export const everyGuard: readonly NamedMutant[] = named([
  ...disabling,
  ...repeating,
  ...undo,
  ...records,
  ...claim,
  ...secrets,
  ...ownVersions,
  ...oneUnit,
  ...dataKeyProofs,
  ...wayBack,
  ...fence,
  ...unknown,
]);
