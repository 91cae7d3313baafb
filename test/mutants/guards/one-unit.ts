import { guardsOf } from '../mutant';

/** All targets move as one unit: at `completed` every one is on next, at `rolled-back` each is where the plan found it. */
export const oneUnit = guardsOf('I8', [
  {
    file: 'shared/rotation/telling.ts',
    removed: 'The last phase is entered without a look at where the targets stand.',
    find: "if (phase === 'completed' || phase === 'rolled-back') await proveWhereTargetsStand(ports, run, phase);",
    replace: '',
  },
  {
    file: 'shared/rotation/telling.ts',
    removed: 'A target that stands elsewhere does not keep the run from its end.',
    find: 'if (stands == null || belongs === null || !sameKid(stands, belongs)) {',
    replace: 'if (stands == null || belongs === null) {',
  },
  {
    file: 'shared/rotation/telling.ts',
    removed: 'Whoever goes back must stand on next.',
    find: "const belongs = (phase === 'completed' ? null : planned.previousKid) ?? next;",
    replace: 'const belongs = next;',
  },
  {
    file: 'functions/orchestrators/rotate-key.ts',
    removed: 'Only the target that moved last goes back.',
    find: 'for (const target of targets.toReversed()) yield* moveAndVerify(on, plan, target,',
    replace: 'for (const target of targets.toReversed().slice(0, 1)) yield* moveAndVerify(on, plan, target,',
  },
  {
    file: 'functions/orchestrators/rotate-key.ts',
    removed: 'Data keys that their owner made during the soak stay behind.',
    find: "if (kind === 'dataKeys') left.push(",
    replace: "if (kind === 'dataKeys' && target < 0) left.push(",
  },
  {
    file: 'functions/orchestrators/end-run.ts',
    removed: 'A refusal half way leaves the targets where they are.',
    find: "if (error instanceof StoryEnd && ['refusal', 'interrupted'].includes(error.kind)) return yield* goBack(error.reason);",
    replace:
      "if (error instanceof StoryEnd && ['interrupted'].includes(error.kind)) return yield* goBack(error.reason);",
  },
  {
    file: 'functions/orchestrators/end-run.ts',
    removed: 'A fault takes every target back.',
    find: "if (error instanceof StoryEnd && ['refusal', 'interrupted'].includes(error.kind)) return yield* goBack(error.reason);",
    replace:
      "if (error instanceof StoryEnd && ['refusal', 'interrupted', 'deadline'].includes(error.kind)) return yield* goBack(error.reason);",
  },
  {
    file: 'functions/orchestrators/move-target.ts',
    removed: 'Data keys that a pass has missed are not gone after.',
    find: "if (direction === 'forward' && behind > moved.left && pass < mostPasses) continue;",
    replace: '',
  },
  {
    file: 'functions/orchestrators/move-target.ts',
    removed: 'Data keys that could not be moved do not matter, whatever was configured.',
    find: "if (refused !== null) throw new StoryEnd('refusal', refused);",
    replace: '',
  },
  {
    file: 'shared/rotation/way-back.ts',
    removed: 'Of the targets that moved only the first is known.',
    find: 'return { targets: [...new Set(oldestFirst.map(({ target }) => target))] };',
    replace: 'return { targets: [...new Set(oldestFirst.map(({ target }) => target))].slice(0, 1) };',
  },
  {
    file: 'shared/rotation/moving.ts',
    removed: 'A target that moved after the plan goes back to where the run found it, not to where the plan did.',
    find: 'if (move.planned.previousKid === null || !sameKid(kid, move.planned.previousKid)) {',
    replace: 'if (false) {',
  },
  {
    file: 'shared/targets/service.ts',
    removed: 'An operation that ended elsewhere counts as done.',
    find: "throw new RefusalError('not-moved', `${called} ended its operation on ${kidNow(resource)} instead of ${kid}.`);",
    replace: "return { state: 'done' };",
  },
  {
    file: 'shared/targets/service.ts',
    removed: 'A target is verified although it names another version.',
    find: "if (!sameKid(stands, kid)) throw new RefusalError('not-moved',",
    replace: "if (stands === '') throw new RefusalError('not-moved',",
  },
  {
    file: 'shared/targets/data-keys.ts',
    removed: 'Data keys that name another version count as moved.',
    find: 'behind += 1;',
    replace: 'behind += 0;',
  },
]);
