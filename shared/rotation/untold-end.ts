import type { AlertKind, RunReference } from '../contracts/activities';
import type { Reason } from '../contracts/rotation';
import type { Claim, UntoldEnd } from './ports';

/** A claim's ends that somebody still has to be told of, with one more; the same end again changes nothing. */
export function withUntold(
  { untold = [], instanceId }: Claim,
  { run, alert, reasons, now }: { run: RunReference; alert: AlertKind; reasons: readonly Reason[]; now: string },
): Pick<Claim, 'untold'> {
  const { rotationId, generation } = run;
  const end: UntoldEnd = {
    ...{ rotationId, generation, instanceId: instanceId ?? rotationId, alert },
    ...{ reasons: [...reasons], at: now },
  };
  return { untold: [...untold.filter((each) => !isSameEnd(each, end)), end] };
}

/** The claim without an end that was told of. */
export function withoutUntold({ untold = [], ...claim }: Claim, end: UntoldEnd): Claim {
  const left = untold.filter((each) => !isSameEnd(each, end));
  return left.length === 0 ? claim : { ...claim, untold: left };
}

const isSameEnd = (a: UntoldEnd, b: UntoldEnd): boolean =>
  a.rotationId === b.rotationId && a.generation === b.generation && a.alert === b.alert;
