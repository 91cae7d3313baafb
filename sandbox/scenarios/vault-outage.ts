import type { Rotation } from '../run/contract';
import { names } from '../run/seed';
import type { Scenario } from '../run/stage';

const OUTAGE_HOURS = 2;

/** A fault is no reason to go back, since going back needs the same vault. */
export const vaultOutage: Scenario = {
  name: 'vault-outage',
  title: `the vault cannot be reached for ${OUTAGE_HOURS} h in the middle: the rotation waits, then completes, nothing goes back`,
  expect: {
    phase: 'completed',
    standsOn: 'next',
    alert: 'Keyturn.Rotation.Completed',
    alsoAllowed: ['Keyturn.Rotation.Holding', 'Keyturn.Rotation.Recovered'],
  },
  async play(stage) {
    await stage.slowDownDps();
    await stage.advanceTo(stage.policyDue, 'to when Key Vault gives notice that the key is near its expiry');
    await stage.hubMovedAlone();
    const until = (await stage.now()).getTime() + OUTAGE_HOURS * 3_600_000;
    stage.say(`Key Vault cannot be reached for ${OUTAGE_HOURS} h from now`);
    await stage.fault({
      standIn: 'keyVault',
      name: names.vault,
      untilMilliseconds: until,
      effect: {
        kind: 'status',
        status: 503,
        body: { error: { code: 'ServiceUnavailable', message: 'Try again later.' } },
      },
    });
    let waited = false;
    let wentBack = false;
    await stage.waitFor('the rotation to end', (rotation: Rotation) => {
      waited ||= rotation.waitingFor === 'fault';
      wentBack ||= rotation.phase === 'rolling-back';
      return rotation.endedAt !== null;
    });
    stage.must(waited, 'the rotation never said that it waits for a fault to pass');
    stage.must(!wentBack, 'the rotation went back because of a fault');
  },
};
