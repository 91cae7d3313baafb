import { moveDataKeysName } from '../../functions/orchestrators/move-data-keys';
import type { Play } from './harness';
import { goingOn } from './roads-of-rotations';
import {
  type Changes,
  fault,
  interrupted,
  key,
  ok,
  paused,
  planOf,
  policy,
  probes,
  refusal,
  request,
  type Usual,
  usual,
} from './script';

const short = { policy: { soakSeconds: 1200 } };
const green = () => probes('green', 'green', 'green');
const brief = { policy: { watchSeconds: 1200, faultDeadlineSeconds: 60 } };

const story =
  (orchestrator: string) =>
  (changes: Changes = {}, given: Usual = {}, input: object = request): Play => ({
    orchestrator,
    input,
    script: usual(changes, given),
  });
const adopt = story('adoptKey');
const revoke = story('revokeKey');
const restore = story('restoreKey');

const notAdmitted: Changes = {
  admit: () => ok({ admitted: false, why: 'claimed', message: 'Another run holds the claim.' }),
};
const refusedPlan: Changes = { makePlan: () => ok({ decision: 'refuse', reasons: [{ code: 'x', message: 'X.' }] }) };
const back: Usual = { known: planOf(), direction: 'back' };

const adoptions: Readonly<Record<string, Play>> = {
  adopted: adopt(),
  'adoption-put-back': adopt({ writeAdoption: () => refusal('policy-not-changed') }),
  'adoption-not-admitted': adopt(notAdmitted),
  'adoption-refused-by-its-plan': adopt(refusedPlan),
  'adoption-gone-on-with': adopt({}, { known: planOf() }, goingOn('resume')),
  'adoption-gone-back-from-the-ledger': adopt({}, back, goingOn('rollback')),
  'adoption-abandoned': adopt({}, {}, goingOn('abandon')),
  'adoption-not-put-back': adopt({ writeAdoption: () => refusal(), undoAdoption: () => refusal() }),
};

const revocations: Readonly<Record<string, Play>> = {
  revoked: revoke({ lookAtAccess: (_, call) => (call < 3 ? probes('green', 'red', 'unknown') : undefined) }, short),
  'revocation-taken-back': revoke({ lookAtAccess: (_, call) => (call === 1 ? interrupted : green()) }),
  'revocation-not-admitted': revoke(notAdmitted),
  'revocation-refused-by-its-plan': revoke(refusedPlan),
  'revocation-without-effect': revoke({ lookAtAccess: green }, brief),
  'revocation-gone-on-with-long-after': revoke(
    { revokeVersions: () => ok({ revokedAt: '2026-11-01T00:00:00.000Z', versions: ['v1'] }) },
    { ...brief, known: planOf() },
    goingOn('resume'),
  ),
  'revocation-gone-back-from-the-ledger': revoke({ lookAtAccess: green }, back, goingOn('rollback')),
  'revocation-abandoned': revoke({}, {}, goingOn('abandon')),
  'revocation-not-taken-back': revoke({ revokeVersions: () => refusal(), restoreVersions: () => refusal() }),
};

const restorations: Readonly<Record<string, Play>> = {
  restored: restore({ lookAtAccess: (_, call) => (call === 1 ? undefined : green()) }, short),
  'restoration-not-admitted': restore(notAdmitted),
  'restoration-refused-by-its-plan': restore(refusedPlan),
  'restoration-without-effect': restore({}, brief),
  'restoration-gone-on-with': restore({ lookAtAccess: green }, { known: planOf() }, goingOn('resume')),
  'restoration-abandoned': restore({}, {}, goingOn('abandon')),
};

const pass = {
  run: { key, rotationId: 'r-1', generation: 1 },
  policy,
  target: 2,
  direction: 'forward',
  continuation: null,
  done: 0,
  left: 0,
  named: [],
};
const stretches = (last: number): Changes => ({
  moveDataKeysPage: ({ done }) =>
    ok({ continuation: done + 1 < last ? 'p' : null, done: done + 1, total: last, left: 0, named: [] }),
});
const move = (changes: Changes): Play => story(moveDataKeysName)(changes, {}, pass);

const dataKeys: Readonly<Record<string, Play>> = {
  'data-keys-moved': move(stretches(5)),
  'data-keys-moved-in-two-executions': move(stretches(23)),
  'data-keys-refused': move({ moveDataKeysPage: () => refusal('store-locked') }),
  'data-keys-paused-after-a-fault': move({ moveDataKeysPage: (_, call) => (call === 1 ? fault() : paused) }),
};

export const roadsOfOtherRuns: Readonly<Record<string, Play>> = {
  ...adoptions,
  ...revocations,
  ...restorations,
  ...dataKeys,
};
