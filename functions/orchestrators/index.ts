import { registerOrchestration } from '../durable';
import { moveDataKeys, moveDataKeysName } from './move-data-keys';
import { retireVersion } from './retire-version';
import { rotateKey } from './rotate-key';

export const rotateKeyName = 'rotateKey';
export const retireVersionName = 'retireVersion';

export function registerOrchestrations(): void {
  registerOrchestration(rotateKeyName, rotateKey);
  registerOrchestration(moveDataKeysName, moveDataKeys);
  registerOrchestration(retireVersionName, retireVersion);
}
