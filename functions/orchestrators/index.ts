import type { RunName } from '../../shared/contracts/rotation';
import { type OrchestrationContext, registerOrchestration, type Story } from '../durable';
import { adoptKey } from './adopt-key';
import { moveDataKeys, moveDataKeysName } from './move-data-keys';
import { restoreKey } from './restore-key';
import { retireVersion } from './retire-version';
import { revokeKey } from './revoke-key';
import { rotateKey } from './rotate-key';
import { passShape, refuseOtherThan, requestShape, retirementShape, type Shape } from './started-with';

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
  register(rotateKeyName, rotateKey, requestShape);
  register(revokeKeyName, revokeKey, requestShape);
  register(restoreKeyName, restoreKey, requestShape);
  register(adoptKeyName, adoptKey, requestShape);
  register(moveDataKeysName, moveDataKeys, passShape);
  register(retireVersionName, retireVersion, retirementShape);
}

function register<T>(name: string, story: (context: OrchestrationContext) => Story<T>, shape: Shape): void {
  registerOrchestration(name, function* (context): Story<T> {
    refuseOtherThan(shape, context.df.getInput(), name);
    return yield* story(context);
  });
}
