import type { Keyturn } from '../../shared/composition';
import { registerAudit } from './audit';
import { registerHealth } from './health';
import { registerKeyEvents } from './key-events';
import { registerRotations } from './rotations';

export function registerTriggers(keyturn: Keyturn): void {
  registerKeyEvents(keyturn);
  registerRotations(keyturn);
  registerAudit(keyturn);
  registerHealth(keyturn);
}
