import type { Check, CheckResult } from '../contracts/rotation';
import type { PlanFacts } from './plan-facts';
import type { TargetFacts } from './ports';

/**
 * The checks of a plan: small, pure, each answering one question with yes, no or *unknown*, under a stable code and with a sentence
 * that names the thing and, unless it is yes, the next step. A check answers nothing where its question makes no sense,
 * so that one cause gives one no. The code of a yes or an unknown names the question, the code of a no names what is wrong.
 */
export type KeyCheck = (facts: PlanFacts) => readonly Check[];
export type TargetCheck = (target: TargetFacts, facts: PlanFacts) => readonly Check[];

/** `<kind>/<name>`, as checks, audit records and messages name a target. */
export function nameOf({ kind, name }: TargetFacts): string {
  return `${kind}/${name}`;
}

/** The one answer of a check about a target. */
export function on(target: TargetFacts, code: string, result: CheckResult, message: string): readonly Check[] {
  return about(nameOf(target), code, result, message);
}

/** The one answer of a check about the KEK (`key`) or anything else. */
export function about(target: string, code: string, result: CheckResult, message: string): readonly Check[] {
  return [{ target, code, result, message }];
}
