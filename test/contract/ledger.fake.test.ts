import { fakeLedger } from '../fakes/ledger';
import { describeLedgerContract } from './ledger.contract';

describeLedgerContract('the fake', async () => fakeLedger());
