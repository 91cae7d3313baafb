import { guardsOf } from '../mutant';

/** One live rotation for each KEK; one that moves to another key holds that key's claim too. */
export const claim = guardsOf('I5', [
  {
    file: 'shared/rotation/admission.ts',
    removed: 'A claim that another rotation holds counts as free.',
    find: "if (claim.rotationId !== request.rotationId) return 'by-another';",
    replace: "if (claim.rotationId !== request.rotationId) return 'nobody';",
  },
  {
    file: 'shared/rotation/admission.ts',
    removed: 'Another instance of the same rotation takes the claim for its own.',
    find: "if (claim.bound) return claim.instanceId === instanceId ? 'us' : 'by-another';",
    replace: "if (claim.bound) return 'us';",
  },
  {
    file: 'shared/rotation/admission.ts',
    removed: 'Who loses the race for the row has the claim all the same.',
    find: 'await ports.ledger.update(request.key, state.etag, { claim: bound });',
    replace: 'await ports.ledger.update(request.key, state.etag, { claim: bound }).catch(() => undefined);',
  },
  {
    file: 'shared/rotation/admission.ts',
    removed: 'An event that loses the race for the row is not decided again.',
    find: 'if (!(error instanceof ConflictError) || race === racesBeforeGivingUp) throw error;',
    replace: "if (!(error instanceof ConflictError)) throw error;\n      return notAdmitted('claim-lost', 'Faster.');",
  },
  {
    file: 'shared/rotation/admission.ts',
    removed: 'The id of a rotation that has ended, started again, runs again.',
    find: "if (known !== null && isTerminal(known.phase) && request.cause.kind !== 'resume') {",
    replace: 'if (false) {',
  },
  {
    file: 'shared/rotation/admission.ts',
    removed: 'A run that was given up on before it began begins all the same.',
    find: "if (request.generation !== null) return notAdmitted('claim-lost'",
    replace: "if (request.generation === -1) return notAdmitted('claim-lost'",
  },
  {
    file: 'shared/azure/table-ledger.ts',
    removed: 'The claim is written whatever somebody else wrote meanwhile.',
    find: "etag === null ? ['create', claim] : ['update', claim, 'Replace', { etag }]",
    replace: "etag === null ? ['create', claim] : ['upsert', claim, 'Replace']",
  },
  {
    file: 'shared/azure/table-ledger.ts',
    removed: 'Of many who claim a new key at once everybody gets it.',
    find: "etag === null ? ['create', claim] : ['update', claim, 'Replace', { etag }]",
    replace: "etag === null ? ['upsert', claim, 'Replace'] : ['update', claim, 'Replace', { etag }]",
  },
  {
    file: 'shared/azure/table-ledger.ts',
    removed: 'Of one event delivered many times at once every delivery finds it new.',
    find: "rows.map((row) => ['create', row]),",
    replace: "rows.map((row) => ['upsert', row, 'Replace']),",
  },
  {
    file: 'shared/rotation/requests.ts',
    removed: 'A start by hand does not look whether something runs.',
    find: 'if (state.claim !== null && state.claim.rotationId !== null) return await running(ports, state.claim, state);',
    replace: '',
  },
  {
    file: 'shared/rotation/requests.ts',
    removed: 'A start by hand that loses the race is started all the same.',
    find: 'if (error instanceof ConflictError) return null;',
    replace: 'if (error instanceof ConflictError) return { instanceId: rotationId, request };',
  },
  {
    file: 'shared/rotation/commands.ts',
    removed: 'A new instance goes on under the generation of the old one.',
    find: 'const generation = claim.generation + 1;',
    replace: 'const generation = claim.generation;',
  },
  {
    file: 'shared/rotation/commands.ts',
    removed: 'A claim that has moved on meanwhile is taken over.',
    find: 'if (claim.instanceId !== endedInstance || isTerminal(claim.phase)) return null;',
    replace: '',
  },
  {
    file: 'shared/rotation/unattended-run.ts',
    removed: 'The sweep takes a claim over while a request of the lost instance may still be under way.',
    find: 'if (now.getTime() - Date.parse(claim.orphanedSince) < longestRequestSeconds * 1000) return [];',
    replace: '',
  },
  {
    file: 'shared/rotation/unattended-run.ts',
    removed: 'The sweep takes the claim of a run that is alive.',
    find: "if (state === 'running') {",
    replace: "if (state === 'running' && claim.orphanedSince === 'never') {",
  },
  {
    file: 'shared/rotation/planning.ts',
    removed: "A run that moves to another key does not hold that key's claim.",
    find: 'if (replacementOf(managed, claim.replacement) !== null) await holdReplacement(ports, claim, now);',
    replace: '',
  },
  {
    file: 'shared/rotation/replacing.ts',
    removed: "The other key's claim is taken although something runs there.",
    find: 'if (there.rotationId !== null && there.rotationId !== rotationId && !wasLeftBy(there, key)) {',
    replace: 'if (false) {',
  },
  {
    file: 'shared/rotation/replacing.ts',
    removed: "The other key's claim is given up while the run that holds it lives.",
    find: "if (owner?.rotationId === claim.rotationId && owner.purpose === 'rotation') return false;",
    replace: '',
  },
  {
    file: 'shared/rotation/key-identifier.ts',
    removed: 'Two spellings of one key have two claims.',
    find: "createHash('sha256').update(parsed.key.toLowerCase()).digest('hex');",
    replace: "createHash('sha256').update(parsed.key).digest('hex');",
  },
]);
