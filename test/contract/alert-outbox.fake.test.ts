import { fakeAlertOutbox } from '../fakes/alert-outbox';
import { describeAlertOutboxContract } from './alert-outbox.contract';

describeAlertOutboxContract('the fake', async () => fakeAlertOutbox());
