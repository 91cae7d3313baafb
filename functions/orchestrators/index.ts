import { registerOrchestration } from '../durable';
import { moveDataKeys, moveDataKeysName } from './move-data-keys';
import { rotateKey } from './rotate-key';

export const rotateKeyName = 'rotateKey';

export function registerOrchestrations(): void {
  registerOrchestration(rotateKeyName, rotateKey);
  registerOrchestration(moveDataKeysName, moveDataKeys);
}
