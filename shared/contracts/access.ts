/** What a caller of the API may do. Who may do anything may also read. */
export const roles = ['reader', 'operator', 'approver'] as const;
export type Role = (typeof roles)[number];

/** Who acts, as the history will say. */
export interface Caller {
  /** For people: a name, and what tells two of the same name apart. */
  readonly actor: string;
  /** Object id at the identity provider; null where nobody knows who the person behind a function key is. */
  readonly principalId: string | null;
  /** The claim by which the caller has the role that was needed; null without roles. */
  readonly grantedBy: string | null;
  /** Address that the request came from, as the platform tells it; null if it does not. */
  readonly from: string | null;
}

/** A caller as requests and commands keep him: without what nobody knows. */
export type Asker = Pick<Caller, 'actor'> & Partial<Omit<Caller, 'actor'>>;

/** Who he is, by which claim he may, and from where he asked; nothing of that is known of whoever has only a function key. */
export function whoOf({ principalId, grantedBy, from }: Asker): {
  readonly principalId?: string;
  readonly grantedBy?: string;
  readonly from?: string;
} {
  return {
    ...(principalId == null ? {} : { principalId }),
    ...(grantedBy == null ? {} : { grantedBy }),
    ...(from == null ? {} : { from }),
  };
}
