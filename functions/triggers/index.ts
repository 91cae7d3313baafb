import type { Keyturn } from '../../shared/composition';
import { registerAudit } from './audit';
import { registerHealth } from './health';
import { registerKeyEvents } from './key-events';
import { registerKeys } from './keys';
import { registerOpenApi } from './openapi';
import { registerRotations } from './rotations';
import { registerSweep } from './sweep';

export function registerTriggers(keyturn: Keyturn): void {
  registerKeyEvents(keyturn);
  registerRotations(keyturn);
  registerKeys(keyturn);
  registerAudit(keyturn);
  registerSweep(keyturn);
  registerHealth(keyturn);
  registerOpenApi();
}
