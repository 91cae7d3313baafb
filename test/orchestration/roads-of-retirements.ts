import type { Play } from './harness';
import { woken } from './roads-of-rotations';
import {
  type Changes,
  fault,
  key,
  ok,
  policy,
  probes,
  refusal,
  retirement,
  superseded,
  type Usual,
  usual,
} from './script';

const watched = { policy: { watchSeconds: 1800 } };
const brief = { policy: { watchSeconds: 1200, faultDeadlineSeconds: 60 } };
const retire = (changes: Changes, given: Usual = watched, more: Partial<Play> = {}): Play => ({
  orchestrator: 'retireVersion',
  input: retirement,
  script: usual(changes, given),
  ...more,
});
const begun = (more: object): Changes => ({
  beginRetirement: () =>
    ok({
      admitted: true,
      run: { key, rotationId: 'r-1', generation: 3 },
      policy: { ...policy, ...watched.policy },
      versions: ['v1'],
      targets: 3,
      disabledAt: '2026-11-22T02:30:00.000Z',
      ...more,
    }),
});
const red = () => probes('green', 'red', 'green');
const notIdle = ok({ idle: false, reasons: [{ code: 'still-referred-to', message: 'The hub.' }] });

export const roadsOfRetirements: Readonly<Record<string, Play>> = {
  retired: retire({}),
  'retirement-refused': retire({ proveIdle: () => notIdle }, {}),
  'retirement-undone': retire({ watchTargets: (_, call) => (call === 2 ? red() : undefined) }),
  'retirement-not-admitted': retire({ beginRetirement: () => ok({ admitted: false, message: 'Claimed.' }) }),
  'retirement-refused-at-its-beginning': retire({ beginRetirement: () => refusal() }),
  'retirement-superseded': retire({ watchTargets: () => superseded }),
  'retirement-superseded-at-its-old-blobs': retire({ dropOldBlobs: () => superseded }),
  'retirement-refusal-told-of': retire({
    proveIdle: () => notIdle,
    endRetirement: () => ok({ status: 'refused', isNews: true }),
  }),
  'retirement-told-long-after-its-end': retire(
    { sendAlert: (_, call) => (call <= 8 ? fault('storage-unreachable') : undefined) },
    brief,
  ),
  'kept-for-backups': retire({ proveIdle: () => ok({ idle: false, kept: true, reasons: [] }) }),
  'retired-after-the-log-came': retire(
    {
      proveIdle: (_, call) =>
        call === 1 ? ok({ idle: false, reasons: [], ask: { afterSeconds: 600, markedAt: 'the mark' } }) : undefined,
    },
    watched,
    { raise: woken(60, 1500) },
  ),
  'retired-version-by-version': retire({
    disableVersions: ({ now }, call) => (call === 1 ? ok({ disabledAt: now, unfinished: true }) : undefined),
  }),
  'undone-between-two-versions': retire({
    disableVersions: ({ now }) => ok({ disabledAt: now, unfinished: true }),
    watchTargets: red,
  }),
  'retirement-refused-while-disabling': retire({ disableVersions: () => refusal() }),
  'retirement-refused-while-asked': retire({ proveIdle: () => refusal() }),
  'retired-with-old-blobs-left': retire({ dropOldBlobs: ({ target }) => (target === 1 ? refusal() : undefined) }),
  'old-blobs-forgotten-later': retire(begun({ watched: true })),
  'old-blobs-left-again': retire({ ...begun({ watched: true }), dropOldBlobs: () => refusal() }),
  'retirement-gone-on-with': retire(begun({})),
  'undone-at-last': retire(
    { watchTargets: red, enableVersions: (_, call) => (call <= 2 ? refusal() : undefined) },
    brief,
  ),
  'undone-by-a-newer-claim': retire({ watchTargets: red, enableVersions: () => superseded }),
  'retired-after-doubt': retire({ watchTargets: (_, call) => (call === 3 ? probes('unknown') : undefined) }),
  'undone-when-never-certain': retire({ watchTargets: () => probes('unknown') }, brief),
  'undone-by-an-error-nobody-foresaw': retire({ watchTargets: () => ok({ results: null as never }) }),
  'retirement-begun-after-a-fault': retire({ beginRetirement: (_, call) => (call === 1 ? fault() : undefined) }),
};
