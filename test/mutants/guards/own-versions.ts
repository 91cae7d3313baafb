import { guardsOf } from '../mutant';

/** What a rotation did itself, such as the event of the version it made, starts no other. */
export const ownVersions = guardsOf('I7', [
  {
    file: 'shared/rotation/key-event.ts',
    removed: 'A new version that carries our tag is news.',
    find: 'if (Object.hasOwn(named.tags, managedTag)) {',
    replace: 'if (false) {',
  },
  {
    file: 'shared/rotation/next-version.ts',
    removed: 'A version is made without the tag by which its event is known for ours.',
    find: 'tags: { rotationId: run.rotationId },',
    replace: "tags: { rotation: 'made' },",
  },
  {
    file: 'shared/azure/key-vault.ts',
    removed: 'The tag of a new version does not reach the vault.',
    find: 'keyOps: [...like.operations],\n        tags,',
    replace: 'keyOps: [...like.operations],',
  },
  {
    file: 'shared/azure/key-vault.ts',
    removed: 'The tags of a version are not read.',
    find: 'tags: tags ?? {},',
    replace: 'tags: {},',
  },
  {
    file: 'shared/rotation/admission.ts',
    removed: 'An event is admitted without being asked whether it concerns anybody.',
    find: 'if (!relevance.relevant) return notAdmitted(relevance.code, relevance.message);',
    replace: '',
  },
  {
    file: 'shared/rotation/sweeping.ts',
    removed: 'The sweep takes a version of our own making for one that was missed.',
    find: "if (!isRelevant(event, { versionsInUse, versions, managedTag: 'rotationId' }).relevant) continue;",
    replace: '',
  },
  {
    file: 'shared/rotation/admission.ts',
    removed: 'After a rollback its own cause starts a rotation again at once.',
    find: "if (until === null || request.cause.kind === 'http' || Date.parse(until) <= Date.parse(now)) return null;",
    replace: 'return null;',
  },
]);
