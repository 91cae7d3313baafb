import type { Stage } from './stage';

/** A run that is played with a kill at each of its points, and how everything must stand once it is over. */
export interface Run {
  readonly name: 'rotation' | 'rollback' | 'retirement';
  /** What must have run before it on the same stage. */
  readonly after: Run | null;
  /** Asks for it, once more if nobody answered: what an operator's tool does. */
  begin(stage: Stage): Promise<void>;
  /** Whether it is over; asked only while no instance is alive. */
  isOver(stage: Stage): Promise<boolean>;
  readonly standsOn: 'previous' | 'next';
  /** Phases that its rotation has entered by now, from the beginning. */
  readonly phases: readonly string[];
  /** Kinds of the alerts that its rotation has raised by now, each once. */
  readonly alerts: readonly string[];
  /** Whether the previous version is enabled at the end. */
  readonly previousEnabled: boolean;
  /** Whether every record keeps its old blob at the end. */
  readonly keepsOldBlobs: boolean;
}

const forward = ['planning', 'creating-version', 'rewrapping', 'soaking', 'completed'];

export const rotation: Run = {
  name: 'rotation',
  after: null,
  async begin(stage) {
    const body = { key: stage.key, reason: 'played with kills' };
    const answer = await stage.ground.app<{ rotationId: string }>('/api/rotations', { body });
    stage.rotationId = answer.rotationId;
  },
  isOver: async (stage) => (await stage.rotation()).endedAt !== null && (await stage.keyView()).running === null,
  standsOn: 'next',
  phases: forward,
  alerts: ['completed'],
  previousEnabled: true,
  keepsOldBlobs: true,
};

const rollback: Run = {
  name: 'rollback',
  after: rotation,
  begin: (stage) => command(stage, 'rollback'),
  async isOver(stage) {
    const { phase, endedAt } = await stage.rotation();
    return phase !== 'completed' && endedAt !== null && (await stage.keyView()).running === null;
  },
  standsOn: 'previous',
  phases: [...forward, 'rolling-back', 'rolled-back'],
  alerts: ['completed', 'rolled-back'],
  previousEnabled: true,
  keepsOldBlobs: false,
};

const retirement: Run = {
  name: 'retirement',
  after: rotation,
  begin: (stage) => command(stage, 'retire'),
  async isOver(stage) {
    const { pendingRetirement, running } = await stage.keyView();
    const done = pendingRetirement === null || ['refused', 'undone', 'kept'].includes(pendingRetirement.status);
    return done && running === null;
  },
  standsOn: 'next',
  phases: forward,
  alerts: ['completed', 'retired'],
  previousEnabled: false,
  keepsOldBlobs: false,
};

export const runs: readonly Run[] = [rotation, rollback, retirement];

/** What is answered 409 after a try that nobody answered was heard the first time. */
async function command(stage: Stage, name: 'rollback' | 'retire'): Promise<void> {
  const path = `/api/rotations/${stage.rotationId}/${name}`;
  const { status, unheard } = await stage.ground.asked(path, { body: {} });
  if (status === 202 || (status === 409 && unheard > 0)) return;
  throw new Error(`the command ${name} was answered ${status}`);
}
