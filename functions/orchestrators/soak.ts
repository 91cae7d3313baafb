import { judge, type ProbeWindow } from '../../shared/rotation/soak-judgement';
import { type RunContext, type Story, StoryEnd, sleepUntil, step } from '../durable';

/** What must not be short is set a little longer, because durable timers fire up to a second early. */
const earlyTimerMarginSeconds = 2;

/**
 * Probes all targets at start + k × interval until the soak is over and every target's newest answer is green. The start is
 * kept in the ledger, so a resumed run goes on with the same soak.
 * @throws StoryEnd `refusal` when red probes are confirmed; `deadline` when the probes still say nothing certain a fault deadline later
 */
export function* soak(on: RunContext): Story<void> {
  const { soakSeconds, probeEverySeconds, faultDeadlineSeconds } = on.policy;
  const { soakStartedAt } = yield* step(on, 'beginSoak', {});
  const start = Date.parse(soakStartedAt);
  const rounds = Math.max(1, Math.ceil(soakSeconds / probeEverySeconds));
  const graceRounds = Math.ceil(faultDeadlineSeconds / probeEverySeconds);
  let window: ProbeWindow = {};

  for (let round = 1; round <= rounds + graceRounds; round++) {
    const seconds = round < rounds ? round * probeEverySeconds : soakSeconds + (round - rounds) * probeEverySeconds;
    const due = new Date(start + (seconds + earlyTimerMarginSeconds) * 1000);
    let timeHasCome = false;
    while (!timeHasCome) {
      timeHasCome = yield* sleepUntil(on.context, due);
      // A command that woke the run is found by the probe's own look at the ledger.
      const { results } = yield* step(on, 'probeTargets', {});
      const judged = judge(window, results, on.policy);
      window = judged.window;
      if (judged.confirmedRed !== null) {
        const { kind, name, message } = judged.confirmedRed;
        throw new StoryEnd('refusal', {
          code: 'probes-red',
          message: `${kind}/${name} cannot open its data: ${message}`,
        });
      }
      if (timeHasCome && round >= rounds && judged.allGreen) return;
    }
  }
  throw new StoryEnd('deadline', {
    code: 'probes-uncertain',
    message:
      'The soak is over, but not every target has answered a probe with green. See the probes, then resume or roll back.',
  });
}
