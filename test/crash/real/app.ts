import { registerKeyturn } from '../../../functions/registration';
import { connectAzure } from '../../../shared/azure';
import { composeOver } from '../../../shared/composition';
import { loadConfiguration } from '../../../shared/config';
import { withEdges } from '../../edges/with-edges';
import { strikingEdge, takeOrders } from './strike';

/** The app as it is deployed, but that the process can be told to end at any effect of any port, or to lose the answer to it. */
const configuration = loadConfiguration();
takeOrders();
registerKeyturn(composeOver(configuration, withEdges(connectAzure(configuration), strikingEdge)));
