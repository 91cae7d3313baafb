import { fakeHistory } from '../fakes/rotation-history';
import { describeRotationHistoryContract } from './rotation-history.contract';

describeRotationHistoryContract('the fake', async () => fakeHistory());
