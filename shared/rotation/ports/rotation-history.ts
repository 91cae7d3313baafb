import type { Page, Phase, Rotation } from '../../contracts/rotation';

export interface RotationQuery {
  readonly key: string | null;
  readonly phase: Phase | null;
  readonly from: Date | null;
  readonly to: Date | null;
  readonly limit: number;
  readonly continuation: string | null;
}

export interface RotationHistory {
  /** Upsert of the whole document. */
  put(rotation: Rotation): Promise<void>;
  get(rotationId: string): Promise<Rotation | null>;
  /** Newest first. */
  list(query: RotationQuery): Promise<Page<Rotation>>;
}

/** Full plan documents (every check), too long for a table property. */
export interface PlanStore {
  put(rotationId: string, planHash: string, document: unknown): Promise<void>;
}
