import type { RunName } from '../../shared/contracts/rotation';
import { registerOrchestration } from '../durable';
import { moveDataKeys, moveDataKeysName } from './move-data-keys';
import { restoreKey } from './restore-key';
import { retireVersion } from './retire-version';
import { revokeKey } from './revoke-key';
import { rotateKey } from './rotate-key';

const rotateKeyName = 'rotateKey';
const revokeKeyName = 'revokeKey';
const restoreKeyName = 'restoreKey';
export const retireVersionName = 'retireVersion';

/** The story of each run. */
export const storyOf: Readonly<Record<RunName, string>> = {
  rotate: rotateKeyName,
  revoke: revokeKeyName,
  restore: restoreKeyName,
};

export function registerOrchestrations(): void {
  registerOrchestration(rotateKeyName, rotateKey);
  registerOrchestration(revokeKeyName, revokeKey);
  registerOrchestration(restoreKeyName, restoreKey);
  registerOrchestration(moveDataKeysName, moveDataKeys);
  registerOrchestration(retireVersionName, retireVersion);
}
