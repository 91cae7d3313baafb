import type { Keyturn } from '../../shared/composition';
import { registerAudit } from './audit';
import { registerEndedInstances } from './ended-instances';
import { guardOf } from './guard';
import { registerHealth } from './health';
import { registerKeyEvents } from './key-events';
import { registerKeys } from './keys';
import { registerOpenApi } from './openapi';
import { registerPause } from './pause';
import { registerRotations } from './rotations';
import { registerSweep } from './sweep';

export function registerTriggers(keyturn: Keyturn): void {
  const guarded = guardOf(keyturn);
  registerKeyEvents(keyturn);
  registerRotations(keyturn, guarded);
  registerPause(keyturn, guarded);
  registerKeys(keyturn, guarded);
  registerAudit(keyturn, guarded);
  registerSweep(keyturn);
  registerEndedInstances(keyturn);
  registerHealth(keyturn, guarded);
  registerOpenApi(guarded);
}
