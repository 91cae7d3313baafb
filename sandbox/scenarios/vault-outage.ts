import { names } from '../run/seed';
import type { Scenario } from '../run/stage';
import { endedAfterWaiting, waitsThenCompletes } from './steps/fault';

const OUTAGE_HOURS = 2;

export const vaultOutage: Scenario = {
  name: 'vault-outage',
  title: `the vault cannot be reached for ${OUTAGE_HOURS} h in the middle: the rotation waits, then completes, nothing goes back`,
  expect: waitsThenCompletes,
  async play(stage) {
    await stage.slowDownDps();
    await stage.nearExpiry();
    await stage.hubMovedAlone();
    stage.say(`Key Vault cannot be reached for ${OUTAGE_HOURS} h from now`);
    await stage.fault({
      standIn: 'keyVault',
      name: names.vault,
      untilMilliseconds: (await stage.now()).getTime() + OUTAGE_HOURS * 3_600_000,
      effect: {
        kind: 'status',
        status: 503,
        body: { error: { code: 'ServiceUnavailable', message: 'Try again later.' } },
      },
    });
    await endedAfterWaiting(stage);
  },
};
