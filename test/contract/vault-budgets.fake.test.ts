import { fakeVaultBudgets } from '../fakes/vault-budgets';
import { describeVaultBudgetsContract } from './vault-budgets.contract';

describeVaultBudgetsContract('the fake', async () => fakeVaultBudgets());
