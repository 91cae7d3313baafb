import type { Rotation } from '../../run/contract';
import type { Stage } from '../../run/stage';

/** The DPS refuses, and by then Keyturn has lost its right to change the hub: neither forward nor back. */
export async function getStuckInRollback(stage: Stage): Promise<Rotation> {
  await stage.fault({
    standIn: 'arm',
    operation: 'dpsOperation',
    times: 1,
    effect: { kind: 'operationFails', code: '400004', message: 'The key could not be applied to this service.' },
  });
  await stage.slowDownDps();
  await stage.nearExpiry();
  await stage.hubMovedAlone();
  stage.say("somebody takes Keyturn's role at the hub away");
  await stage.people.letKeyturnChangeHub(false);
  const rotation = await stage.waitFor('the rollback to get stuck', ({ phase }) => phase === 'needs-attention');
  stage.must(rotation.reasons.length > 0, 'the rotation does not say why it needs attention');
  return rotation;
}
