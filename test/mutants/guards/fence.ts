import { guardsOf } from '../mutant';

/** No step begins while an operation is under way, a newer generation holds the claim, or a command stands against it. */
export const fence = guardsOf('I11', [
  {
    file: 'shared/rotation/run-record.ts',
    removed: 'An older generation of the same run may write.',
    find: ' || claim.generation !== run.generation) {',
    replace: ') {',
  },
  {
    file: 'shared/rotation/run-record.ts',
    removed: 'A rollback or a cancellation on record does not shut the fence.',
    find: "if (direction === 'forward') refuseIfRecalled(held);",
    replace: '',
  },
  {
    file: 'shared/rotation/run-record.ts',
    removed: 'A pause on record does not shut the fence.',
    find: 'refuseIfPaused(held);\n    const stopped',
    replace: 'const stopped',
  },
  {
    file: 'shared/rotation/run-record.ts',
    removed: 'The stop switch does not shut the fence.',
    find: "if (stopped !== null) throw new InterruptedError('stop',",
    replace: "if (stopped === '-') throw new InterruptedError('stop',",
  },
  {
    file: 'shared/rotation/moving.ts',
    removed: 'A target goes back while the operation that moves it forward is under way.',
    find: "if (state.state === 'pending') {\n    const { retryAfterSeconds } = state;",
    replace: "if (state.state === 'pending' && name === '') {\n    const { retryAfterSeconds } = state;",
  },
  {
    file: 'shared/targets/service.ts',
    removed: 'The fence is not asked right before a resource is written.',
    find: 'await fence();',
    replace: '',
  },
  {
    file: 'shared/targets/service.ts',
    removed: 'A resource is written while it is not Active.',
    find: "if (!isActive(resource)) {\n        throw new FaultError(\n          'resource-busy',",
    replace: "if (name === '') {\n        throw new FaultError(\n          'resource-busy',",
  },
  {
    file: 'shared/targets/data-key-batches.ts',
    removed: 'The fence is not asked right before a batch of data keys.',
    find: 'await ports.fence();',
    replace: '',
  },
  {
    file: 'shared/targets/data-key-batches.ts',
    removed: 'The fence is not asked before a data key that its owner wrote is met again.',
    find: 'await fence();',
    replace: '',
  },
  {
    file: 'shared/rotation/retiring.ts',
    removed: 'The fence is not asked between two versions that are disabled.',
    find: 'for (const [done, version] of retirement.versions.entries()) {\n    try {\n      await fence();',
    replace: 'for (const [done, version] of retirement.versions.entries()) {\n    try {',
  },
  {
    file: 'shared/rotation/retiring.ts',
    removed: 'The fence is not asked before old blobs are forgotten.',
    find: "const fence = fenceOf(ports, run, 'forward');\n  await fence();\n  const { versions } = await retirementOf(ports, run);",
    replace:
      "const fence = async () => undefined;\n  fenceOf(ports, run, 'forward');\n  const { versions } = await retirementOf(ports, run);",
  },
  {
    file: 'shared/rotation/revoking.ts',
    removed: 'The fence is not asked between two versions that a revocation disables.',
    find: 'for (const version of revocation.versions) {\n    await fence();',
    replace: 'for (const version of revocation.versions) {',
  },
  {
    file: 'shared/rotation/revoking.ts',
    removed: 'The fence is not asked between two versions that are enabled again.',
    find: 'for (const version of versions) {\n    await fence();',
    replace: 'for (const version of versions) {',
  },
  {
    file: 'shared/rotation/next-version.ts',
    removed: 'The fence is not asked right before a version is made.',
    find: "await fenceOf(ports, run, 'forward')();\n  const made",
    replace: 'const made',
  },
  {
    file: 'shared/rotation/securing.ts',
    removed: 'The fence is not asked right before an expiry is extended.',
    find: 'await fence();\n    await ports.keyVault.setExpiry(kid, needed);',
    replace: 'await ports.keyVault.setExpiry(kid, needed);',
  },
  {
    file: 'shared/rotation/adopting.ts',
    removed: 'The fence is not asked right before a rotation policy is written.',
    find: 'await fence();\n    await ports.keyVault.setRotationPolicy(run.key, { rotatesAfterCreate: null, ...policy });',
    replace: 'await ports.keyVault.setRotationPolicy(run.key, { rotatesAfterCreate: null, ...policy });',
  },
  {
    file: 'shared/rotation/telling.ts',
    removed: 'The next phase is entered although a command was accepted before.',
    find: 'refuseIfRecalled(held);\n      refuseIfPaused(held);',
    replace: '',
  },
  {
    file: 'shared/rotation/telling.ts',
    removed: 'A run gives itself up to a person although a rollback was accepted before.',
    find: "if (phase === 'needs-attention' && goesForward(held.claim.phase) && held.claim.direction === 'forward') {",
    replace: 'if (false) {',
  },
  {
    file: 'shared/azure/wait-when-throttled.ts',
    removed: 'A write is held back while ARM throttles, and its fence grows old.',
    find: "if (request.method !== 'GET') return next(request);",
    replace: '',
  },
]);
