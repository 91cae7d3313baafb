import type { Keyturn } from '../shared/composition';
import { registerActivities } from './activities';
import { registerOrchestrations } from './orchestrators';
import { registerTriggers } from './triggers';

/** Registers every function of the app over what was put together. */
export function registerKeyturn(keyturn: Keyturn): void {
  registerTriggers(keyturn);
  registerOrchestrations();
  registerActivities(() => keyturn.ports);
}
