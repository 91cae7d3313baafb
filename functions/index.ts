import { compose } from '../shared/composition';
import { registerActivities } from './activities';
import { registerOrchestrations } from './orchestrators';
import { registerTriggers } from './triggers';

// A configuration that is wrong stops the app here, with every problem named, before anything is registered.
const keyturn = compose();

registerTriggers(keyturn);
registerOrchestrations();
registerActivities(() => keyturn.ports);
