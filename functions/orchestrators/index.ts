import type { RunName } from '../../shared/contracts/rotation';
import { registerOrchestration } from '../durable';
import { adoptKey } from './adopt-key';
import { moveDataKeys, moveDataKeysName } from './move-data-keys';
import { restoreKey } from './restore-key';
import { retireVersion } from './retire-version';
import { revokeKey } from './revoke-key';
import { rotateKey } from './rotate-key';

const rotateKeyName = 'rotateKey';
const revokeKeyName = 'revokeKey';
const restoreKeyName = 'restoreKey';
const adoptKeyName = 'adoptKey';
export const retireVersionName = 'retireVersion';

/** The story of each run. */
export const storyOf: Readonly<Record<RunName, string>> = {
  rotate: rotateKeyName,
  // The same road, to another key's version.
  replace: rotateKeyName,
  revoke: revokeKeyName,
  restore: restoreKeyName,
  adopt: adoptKeyName,
};

export function registerOrchestrations(): void {
  registerOrchestration(rotateKeyName, rotateKey);
  registerOrchestration(revokeKeyName, revokeKey);
  registerOrchestration(restoreKeyName, restoreKey);
  registerOrchestration(adoptKeyName, adoptKey);
  registerOrchestration(moveDataKeysName, moveDataKeys);
  registerOrchestration(retireVersionName, retireVersion);
}
