/** The members that an input must have, and of what kind each is. */
export type Shape = Readonly<Record<string, 'string' | 'number' | 'object'>>;

export const requestShape: Shape = {
  key: 'string',
  rotationId: 'string',
  reason: 'string',
  cause: 'object',
  requestedAt: 'string',
};
export const retirementShape: Shape = { key: 'string', rotationId: 'string' };
export const passShape: Shape = {
  run: 'object',
  policy: 'object',
  target: 'number',
  direction: 'string',
  done: 'number',
  left: 'number',
  named: 'object',
};

/**
 * An instance that somebody started by hand, past the API: what it was given is looked at before anything is done with it, so that who
 * looks at the instance reads what was wrong, and not where the language gave up.
 * @throws Error that names what is missing and how a run is started
 */
export function refuseOtherThan(shape: Shape, input: unknown, name: string): void {
  const isObject = typeof input === 'object' && input !== null && !Array.isArray(input);
  const given = (isObject ? input : {}) as Readonly<Record<string, unknown>>;
  const wrong = Object.entries(shape).flatMap(([member, kind]) =>
    given[member] === null || typeof given[member] !== kind ? [`"${member}" is no ${kind}`] : [],
  );
  if (isNoInstant(given['notBefore'])) wrong.push('"notBefore" is no instant');
  if (wrong.length === 0) return;
  const named = isObject ? wrong.join(', ') : 'it is no object';
  throw new Error(
    `${name} was started with something other than its input: ${named}. Nothing was changed. Start runs by POST /api/rotations and retirements by POST /api/rotations/{id}/retire; the sweep goes on with what was begun.`,
  );
}

/** A timer that is set to no instant never fires. */
const isNoInstant = (value: unknown): boolean => value !== undefined && Number.isNaN(Date.parse(String(value)));
