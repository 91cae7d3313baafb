import { fakeWatchStore } from '../fakes/watch-store';
import { describeWatchStoreContract } from './watch-store.contract';

describeWatchStoreContract('the fake', async () => fakeWatchStore());
