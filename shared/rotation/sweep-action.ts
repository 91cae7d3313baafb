import type { RetirementRequest } from '../contracts/activities';
import type { SeenEvent } from './ports';
import type { Start } from './requests';

/** What the durable client knows of an instance; `gone` also when the task hub has forgotten it. */
export type InstanceState = 'running' | 'ended' | 'gone';

export type SweepAction =
  | { readonly kind: 'rotate'; readonly start: Start; readonly event: SeenEvent | null; readonly message: string }
  | {
      readonly kind: 'retire';
      readonly instanceId: string;
      readonly request: RetirementRequest;
      readonly message: string;
    }
  | { readonly kind: 'wake'; readonly instanceId: string; readonly message: string };

export const retirementStart = (key: string, rotationId: string, generation: number, message: string): SweepAction => ({
  kind: 'retire',
  // The generation makes the id new for each attempt: a finished id would silently run again.
  instanceId: `${rotationId}.retire.${generation}`,
  request: { key, rotationId },
  message,
});
