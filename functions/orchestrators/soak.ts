import { judge, type ProbeWindow } from '../../shared/rotation/soak-judgement';
import { isLong, now, type RunContext, type Story, StoryEnd, sleepUntil, step } from '../durable';

/** What must not be short is set a little longer, because durable timers fire up to a second early. */
const earlyTimerMarginSeconds = 2;

/**
 * Probes all targets at start + k × interval until the soak is over and every target's newest answer is green. The start is
 * kept in the ledger, so a resumed run goes on with the same soak.
 * @param window what was answered in an earlier execution
 * @returns null once it is over; what was answered so far when it had better go on in a new execution
 * @throws StoryEnd `refusal` when red probes are confirmed; `deadline` when the probes still say nothing certain a fault deadline later
 */
export function* soak(on: RunContext, window: ProbeWindow): Story<ProbeWindow | null> {
  const { soakSeconds, probeEverySeconds, faultDeadlineSeconds } = on.policy;
  const { soakStartedAt } = yield* step(on, 'beginSoak', {});
  const start = Date.parse(soakStartedAt);
  const end = start + soakSeconds * 1000;
  const interval = probeEverySeconds * 1000;
  let due = Math.min(end, nextOnGrid(start, interval, now(on.context)));
  let answered = window;

  for (let uncertain = 0; uncertain <= Math.ceil(faultDeadlineSeconds / probeEverySeconds); ) {
    // What the timer is set to says whether the soak is over when it has fired; the clock is not asked again.
    const timeHasCome = yield* sleepUntil(on.context, new Date(due + earlyTimerMarginSeconds * 1000));
    // A command that woke the run is found by the probe's own look at the ledger.
    const { results } = yield* step(on, 'probeTargets', {});
    const judged = judge(answered, results, on.policy);
    answered = judged.window;
    if (judged.confirmedRed !== null) {
      const { kind, name, message } = judged.confirmedRed;
      throw new StoryEnd('refusal', {
        code: 'probes-red',
        message: `${kind}/${name} cannot open its data: ${message}`,
      });
    }
    if (!timeHasCome) continue;
    if (due < end) {
      if (isLong(on)) return answered;
      due = Math.min(end, nextOnGrid(start, interval, now(on.context)));
      continue;
    }
    if (judged.allGreen) return null;
    uncertain += 1;
    due = nextOnGrid(end, interval, now(on.context));
  }
  throw new StoryEnd('deadline', {
    code: 'probes-uncertain',
    message:
      'The soak is over, but not every target has answered a probe with green. See the probes, then resume or roll back.',
  });
}

/**
 * The next probe: start + k × interval, after now. What was missed (a resumed run, a long fault) is not made up for, because a burst of
 * probes is one observation, not many.
 */
function nextOnGrid(start: number, interval: number, after: Date): number {
  const passed = Math.floor((after.getTime() - start) / interval);
  return start + (Math.max(0, passed) + 1) * interval;
}
