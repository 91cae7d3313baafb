import { names } from '../run/seed';
import type { Scenario } from '../run/stage';
import { APPROVAL_NEEDED } from './steps/approval';
import { startAndApprove } from './steps/approval-by';

export const revokeRestore: Scenario = {
  name: 'revoke-restore',
  title: 'the services are cut off on purpose, seen to have lost access, and given it back: two people for each',
  signIn: true,
  expect: {
    phase: 'completed',
    standsOn: 'previous',
    alert: 'Keyturn.Key.Restored',
    alsoAllowed: ['Keyturn.Key.Revoked', APPROVAL_NEEDED],
    rotations: 2,
  },
  async play(stage) {
    const { body: plan } = await stage.http('/api/rotations', {
      body: { key: stage.key, reason: 'a look', run: 'revoke', dryRun: true },
      headers: await stage.as('olivia'),
    });
    const { checks } = plan as { readonly checks: readonly { readonly code: string; readonly message: string }[] };
    for (const { code, message } of checks) if (code === 'will-lose-access') stage.say(`the plan: ${message}`);

    stage.people.expectRevocation();
    await startAndApprove(stage, { reason: 'somebody may have copied what the services can read', run: 'revoke' });
    await stage.ended();
    stage.must(
      (await stage.people.version(stage.previousVersion)).enabled === false,
      'the version in use is still enabled',
    );
    for (const source of [names.hub, names.dps]) {
      stage.must(await stage.readFails(source), `${source} still serves its data after the revocation`);
    }
    stage.say('every target has lost access');
    const again = await stage.http('/api/rotations', {
      body: { key: stage.key, reason: 'too early', run: 'rotate', dryRun: true },
      headers: await stage.as('olivia'),
    });
    stage.must(again.status === 422, `a rotation of a revoked key was planned: ${again.status}`);

    await startAndApprove(stage, { reason: 'all clear', run: 'restore' });
    await stage.ended();
    stage.people.endRevocation();
  },
};
