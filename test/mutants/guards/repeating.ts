import { guardsOf } from '../mutant';

/** Everything may happen twice and counts once. */
export const repeating = guardsOf('I2', [
  {
    file: 'shared/rotation/run-record.ts',
    removed: 'A repeated activity tells its record again.',
    find: "outcome, occasion].join('|');",
    replace: "outcome, occasion, crypto.randomUUID()].join('|');",
  },
  {
    file: 'shared/azure/audit-appending.ts',
    removed: 'The audit log does not look whether a record was told before.',
    find: 'if (first) return readRecord(first);',
    replace: '',
  },
  {
    file: 'shared/azure/audit-appending.ts',
    removed: 'Two who tell the same at once both write it.',
    find: "toldEtag === null ? ['create', told] : ['update', told, 'Replace', { etag: toldEtag }],",
    replace: "['upsert', told, 'Replace'],",
  },
  {
    file: 'shared/rotation/requests.ts',
    removed: 'An event that comes again starts its rotation again.',
    find: 'if (recorded.seen && recorded.event.started) {',
    replace: 'if (false) {',
  },
  {
    file: 'functions/triggers/key-events.ts',
    removed: 'An event is taken for known because another one came under its id.',
    find: 'known.add({ ...decision.onRecord, key: event.key });',
    replace: 'known.add(event);',
  },
  {
    file: 'shared/rotation/requests.ts',
    removed: 'A request that is sent again under its Idempotency-Key is another request.',
    find: 'if (wanted.idempotencyKey === null) return null;',
    replace: 'return null;',
  },
  {
    file: 'shared/rotation/sweeping.ts',
    removed: 'The sweep starts again what an event has started.',
    find: 'if ((await ports.history.get(instanceId)) !== null) return false;',
    replace: '',
  },
  {
    file: 'shared/rotation/sweeping.ts',
    removed: 'A run for an event that is about to decide is started once more.',
    find: "return (await instanceState(instanceId)) !== 'running';",
    replace: 'return true;',
  },
  {
    file: 'shared/rotation/sweeping.ts',
    removed: 'A run for an event that was lost before it had decided is left at that.',
    find: 'if (!(await isUnanswered(ports, key, recorded.event, instanceState))) return null;',
    replace: 'return null;',
  },
  {
    file: 'shared/rotation/admission.ts',
    removed: 'A run by hand forgets the events that were put off.',
    find: 'recheck: last?.recheck === true && !isForEvent(request),',
    replace: 'recheck: false,',
  },
  {
    file: 'shared/rotation/admission.ts',
    removed: 'The run for an event that was put off does not count as one.',
    find: 'recheck: last?.recheck === true && !isForEvent(request),',
    replace: 'recheck: last?.recheck === true,',
  },
  {
    file: 'shared/rotation/admission.ts',
    removed: 'An instance that finds its own claim takes it for that of another.',
    find: "if (claim.bound) return claim.instanceId === instanceId ? 'us' : 'by-another';",
    replace: "if (claim.bound) return 'by-another';",
  },
  {
    file: 'shared/rotation/choose-version.ts',
    removed: 'The version that an earlier try of this run made is not looked for.',
    find: 'if (ours !== null) return ours;',
    replace: '',
  },
  {
    file: 'shared/rotation/next-version.ts',
    removed: 'A version is made without the tag by which a repeat finds it.',
    find: 'tags: { rotationId: run.rotationId },',
    replace: 'tags: {},',
  },
  {
    file: 'shared/rotation/next-version.ts',
    removed: 'A second try puts its own choice of the version over the first.',
    find: 'held.claim.nextVersion === null ? { claim: { ...held.claim, nextVersion: version } } : null,',
    replace: '({ claim: { ...held.claim, nextVersion: version } }),',
  },
  {
    file: 'shared/rotation/soaking.ts',
    removed: 'A soak that is begun again begins anew.',
    find: 'held.claim.soakStartedAt === null ? { claim: { ...held.claim, soakStartedAt: now } } : null,',
    replace: '({ claim: { ...held.claim, soakStartedAt: now } }),',
  },
  {
    file: 'shared/rotation/telling.ts',
    removed:
      'The last phase, entered again after its answer was lost, finds its claim gone and takes itself for replaced.',
    find: 'if (known !== null && isTerminal(phase) && known.phase === phase && !(await stillHeld(ports, run))) return { phase };',
    replace: '',
  },
  {
    file: 'shared/rotation/retiring.ts',
    removed: 'A retirement that has ended, and whose answer was lost, does not find that.',
    find: 'if (known?.status === status && claim?.rotationId !== run.rotationId) return { status, ...newsOf(known) };',
    replace: '',
  },
  {
    file: 'shared/rotation/data-key.ts',
    removed: 'A data key that stands on next is rewrapped again.',
    find: 'if (sameKid(record.kid, next.kid)) return null;',
    replace: '',
  },
  {
    file: 'shared/rotation/data-key.ts',
    removed: 'A data key that went back goes back again.',
    find: 'if (!sameKid(record.kid, nextKid)) return null;',
    replace: '',
  },
  {
    file: 'shared/targets/service.ts',
    removed: 'A hub that stands on next is written again.',
    find: "if (sameKid(kidNow(resource), kid)) return isActive(resource) ? { state: 'done' } : lookAgain;",
    replace: '',
  },
  {
    file: 'shared/rotation/alerting.ts',
    removed: 'An alert that is sent again has another id.',
    find: "...(occasion === '' ? [] : [occasion])].join('.');",
    replace: "...(occasion === '' ? [] : [occasion]), crypto.randomUUID()].join('.');",
  },
  {
    file: 'shared/rotation/revoking.ts',
    removed: 'A revocation that is repeated, and finds nothing enabled, takes itself for empty.',
    find: 'const known = before?.versions ?? [];',
    replace: 'const known: readonly string[] = [];',
  },
]);
