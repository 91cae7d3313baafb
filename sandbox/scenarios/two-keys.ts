import { hasEnded } from '../run/contract';
import { secondKey, withSecondKey } from '../run/second-key';
import type { Scenario } from '../run/stage';

export const twoKeys: Scenario = {
  name: 'two-keys',
  title: 'two keys near their expiry at once, each with targets of its own: two rotations, neither waits for the other',
  seed: withSecondKey,
  expect: { phase: 'completed', standsOn: 'next', alert: 'Keyturn.Rotation.Completed' },
  async play(stage) {
    const other = stage.key.replace(/[^/]+$/, secondKey.name);
    const before = await stage.operator.keyView(other);
    await stage.nearExpiry();
    await stage.ended();
    await stage.until('the rotation of the other key to end', async () => {
      const [newest] = await stage.operator.rotations(other);
      return newest !== undefined && hasEnded(newest);
    });
    const [newest, ...more] = await stage.operator.rotations(other);
    stage.must(newest?.phase === 'completed' && more.length === 0, `the other key's rotation is ${newest?.phase}`);
    const after = await stage.operator.keyView(other);
    stage.must(after.version !== before.version, "the other key's hub did not move");
    stage.must(after.version === newest?.nextVersion, "the other key's hub went elsewhere");
    await stage.alert('Keyturn.Rotation.Completed', 2);
  },
};
