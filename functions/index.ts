import { compose } from '../shared/composition';
import { registerKeyturn } from './registration';

// A configuration that is wrong stops the app here, with every problem named, before anything is registered.
registerKeyturn(compose());
