import { createTableAlertOutbox } from '../../shared/azure/table-alert-outbox';
import { describeAlertOutboxContract } from './alert-outbox.contract';
import { useAzurite } from './azurite';

const azurite = useAzurite();

describeAlertOutboxContract('table storage', async () => createTableAlertOutbox(azurite().tables));
