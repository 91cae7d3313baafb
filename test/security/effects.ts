/** What a fake was asked that only looks; `post` lists SAS keys, and a wrap or a signature leaves nothing behind. */
const looking = new Set([
  ...['current', 'deleted', 'due', 'find', 'get', 'head', 'lastChange', 'lastSweep', 'list', 'newestSeal', 'operation'],
  ...['ownPrincipal', 'page', 'places', 'post', 'query', 'read', 'readEnrollment', 'readTwin', 'rememberedAnswer'],
  ...['retirements', 'rotationPolicy', 'seals', 'sign', 'standingOf', 'stopped', 'trail', 'unwrap', 'uses', 'version'],
  ...['versions', 'wrap'],
]);

/** The effects that changed something outside this process; what nobody has said only to look counts as one. */
export const changesAmong = (effects: readonly string[]): string[] =>
  effects.filter((effect) => !looking.has(effect.split(' ')[0] ?? ''));
