/**
 * A .NET task as far as replay needs one: continuations run at once and in order, because DurableTask.Core runs
 * orchestrations on a synchronous scheduler. Promises would reorder them.
 */
export class SimulatedTask {
  private settledAs: 'succeeded' | 'failed' | 'cancelled' | undefined;
  private readonly continuations: (() => void)[] = [];

  get state(): 'open' | 'succeeded' | 'failed' | 'cancelled' {
    return this.settledAs ?? 'open';
  }

  get isSettled(): boolean {
    return this.settledAs !== undefined;
  }

  settle(state: 'succeeded' | 'failed' | 'cancelled'): void {
    if (this.settledAs !== undefined) return;
    this.settledAs = state;
    for (const continuation of this.continuations.splice(0)) continuation();
  }

  whenSettled(continuation: () => void): void {
    if (this.settledAs === undefined) this.continuations.push(continuation);
    else continuation();
  }

  static done(): SimulatedTask {
    const task = new SimulatedTask();
    task.settle('succeeded');
    return task;
  }

  /** Settles with the first of `tasks`, whatever became of it. */
  static any(tasks: readonly SimulatedTask[]): SimulatedTask {
    const result = new SimulatedTask();
    for (const task of tasks) task.whenSettled(() => result.settle('succeeded'));
    return result;
  }

  /** Settles when all `tasks` have, as failed if one did. */
  static all(tasks: readonly SimulatedTask[]): SimulatedTask {
    const result = new SimulatedTask();
    let open = tasks.length;
    const oneLess = (): void => {
      open--;
      if (open > 0) return;
      result.settle(tasks.every((task) => task.state === 'succeeded') ? 'succeeded' : 'failed');
    };
    for (const task of tasks) task.whenSettled(oneLess);
    return result;
  }
}

/**
 * Runs a routine that yields the tasks it waits for, as `async`/`await` would.
 * @returns the routine's own task, failed if it threw an ordinary error
 */
export function start(routine: Generator<SimulatedTask, void, void>): SimulatedTask {
  const result = new SimulatedTask();
  const advance = (): void => {
    for (;;) {
      const step = resume(routine);
      if (step === 'succeeded' || step === 'failed') {
        result.settle(step);
        return;
      }
      if (!step.isSettled) {
        step.whenSettled(advance);
        return;
      }
    }
  };
  advance();
  return result;
}

function resume(routine: Generator<SimulatedTask, void, void>): SimulatedTask | 'succeeded' | 'failed' {
  try {
    const step = routine.next();
    return step.done === true ? 'succeeded' : step.value;
  } catch (error) {
    // Only a plain Error is an outcome of the routine; anything derived (non-determinism) must stop the replay.
    if (error instanceof Error && error.constructor === Error) return 'failed';
    throw error;
  }
}
