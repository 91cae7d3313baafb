import { createTableRotationHistory } from '../../shared/azure/table-rotation-history';
import { useAzurite } from './azurite';
import { describeRotationHistoryContract } from './rotation-history.contract';

const azurite = useAzurite();

describeRotationHistoryContract('table storage', async () => createTableRotationHistory(azurite().tables));

describe('the rotation history in table storage', () => {
  test('an id that no rotation can have is not looked for', async () => {
    const history = createTableRotationHistory(azurite().tables);
    expect(await history.get("../x' or 'a' eq 'a")).toBeNull();
  });

  test('a key that is none has no rotations', async () => {
    const history = createTableRotationHistory(azurite().tables);
    const query = { key: "x' or 'a' eq 'a", phase: null, from: null, to: null, limit: 10, continuation: null };
    expect(await history.list(query)).toEqual({ items: [], continuation: null });
  });
});
