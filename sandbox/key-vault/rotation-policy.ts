import { parseDuration, roughDays, shift } from './duration';
import { badParameter } from './errors';

export interface LifetimeAction {
  trigger: { timeAfterCreate?: string; timeBeforeExpiry?: string };
  action: { type: 'Rotate' | 'Notify' };
}

export interface RotationPolicy {
  lifetimeActions: LifetimeAction[];
  /** ISO 8601 duration; what a version made by a rotation gets as its life. */
  expiryTime?: string;
  /** Seconds, virtual. */
  created?: number;
  updated?: number;
}

const SHORTEST_DAYS = 7;
const SHORTEST_EXPIRY_DAYS = 28;

/** What a key has that was never given a policy: a notice thirty days before expiry, no rotation. */
export const DEFAULT_POLICY: RotationPolicy = {
  lifetimeActions: [{ trigger: { timeBeforeExpiry: 'P30D' }, action: { type: 'Notify' } }],
};

/**
 * Reads the body of a PUT by the rules of Azure's documentation ("Configure key rotation in Azure Key Vault", 2026-04-10): triggers of
 * at least 7 days, an expiry of at least 28, one action of each type, Notify only before expiry, and Notify cannot be removed.
 *
 * @throws KeyVaultError 400 naming the rule that is broken.
 */
export function readPolicy(body: unknown, previous: RotationPolicy, nowSeconds: number): RotationPolicy {
  const given = (body ?? {}) as { lifetimeActions?: unknown; attributes?: { expiryTime?: unknown } | null };
  const expiryTime = given.attributes?.expiryTime ?? undefined;
  const expiry = expiryTime === undefined ? undefined : parseDuration(expiryTime);
  if (expiryTime !== undefined && expiry === undefined)
    throw badParameter('Invalid policy: expiryTime is not an ISO 8601 duration.');
  if (expiry !== undefined && roughDays(expiry) < SHORTEST_EXPIRY_DAYS) {
    throw badParameter(`Invalid policy: expiryTime must be at least ${SHORTEST_EXPIRY_DAYS} days.`);
  }
  const actions = (Array.isArray(given.lifetimeActions) ? given.lifetimeActions : []).map((action) =>
    readAction(action, expiry === undefined ? undefined : roughDays(expiry)),
  );
  for (const type of ['Rotate', 'Notify'] as const) {
    if (actions.filter((action) => action.action.type === type).length > 1)
      throw badParameter(`Invalid policy: more than one ${type} action.`);
  }
  const notify = (previous.lifetimeActions.find(isNotify) ?? DEFAULT_POLICY.lifetimeActions[0]) as LifetimeAction;
  return {
    lifetimeActions: actions.some(isNotify) ? actions : [...actions, notify],
    ...(typeof expiryTime === 'string' ? { expiryTime } : {}),
    created: previous.created ?? nowSeconds,
    updated: nowSeconds,
  };
}

function isNotify(action: LifetimeAction): boolean {
  return action.action.type === 'Notify';
}

function readAction(value: unknown, expiryDays: number | undefined): LifetimeAction {
  const given = (value ?? {}) as { trigger?: Record<string, unknown>; action?: { type?: unknown } };
  const type = (['Rotate', 'Notify'] as const).find(
    (name) => name.toLowerCase() === String(given.action?.type).toLowerCase(),
  );
  if (type === undefined) throw badParameter('Invalid policy: an action is neither Rotate nor Notify.');
  const after = given.trigger?.['timeAfterCreate'] ?? undefined;
  const before = given.trigger?.['timeBeforeExpiry'] ?? undefined;
  if ((after === undefined) === (before === undefined)) {
    throw badParameter(`Invalid policy: the trigger of ${type} must have one of timeAfterCreate and timeBeforeExpiry.`);
  }
  if (type === 'Notify' && after !== undefined)
    throw badParameter('Invalid policy: Notify can only be triggered by timeBeforeExpiry.');
  const duration = parseDuration(after ?? before);
  if (duration === undefined) throw badParameter(`Invalid policy: the trigger of ${type} is not an ISO 8601 duration.`);
  const days = roughDays(duration);
  if (days < SHORTEST_DAYS)
    throw badParameter(`Invalid policy: the trigger of ${type} must be at least ${SHORTEST_DAYS} days.`);
  if (type === 'Rotate' && before !== undefined && expiryDays === undefined) {
    throw badParameter('Invalid policy: Rotate by timeBeforeExpiry needs an expiryTime.');
  }
  if (type === 'Rotate' && expiryDays !== undefined && days > expiryDays - SHORTEST_DAYS) {
    throw badParameter(
      `Invalid policy: Rotate must be at least ${SHORTEST_DAYS} days after creation and before expiry.`,
    );
  }
  const trigger = after === undefined ? { timeBeforeExpiry: String(before) } : { timeAfterCreate: String(after) };
  return { trigger, action: { type } };
}

export interface Lifetime {
  /** Seconds, virtual. */
  created: number;
  exp: number | undefined;
}

/** When the policy rotates a key whose current version has this lifetime, in virtual milliseconds; undefined = never. */
export function rotateDue(policy: RotationPolicy, current: Lifetime): number | undefined {
  return due(policy, 'Rotate', current);
}

/** When the near-expiry event of a version is due, in virtual milliseconds; undefined = never, for want of an expiry date. */
export function nearExpiryDue(policy: RotationPolicy, current: Lifetime): number | undefined {
  return due(policy, 'Notify', current);
}

function due(policy: RotationPolicy, type: 'Rotate' | 'Notify', current: Lifetime): number | undefined {
  const trigger = policy.lifetimeActions.find((action) => action.action.type === type)?.trigger;
  const after = parseDuration(trigger?.timeAfterCreate);
  if (after !== undefined) return shift(current.created * 1000, after, 1);
  const before = parseDuration(trigger?.timeBeforeExpiry);
  if (before === undefined || current.exp === undefined) return undefined;
  return shift(current.exp * 1000, before, -1);
}

/** Seconds, virtual, at which a version made by a rotation expires; undefined = never. */
export function expiryOf(policy: RotationPolicy, createdSeconds: number): number | undefined {
  const life = parseDuration(policy.expiryTime);
  return life === undefined ? undefined : Math.floor(shift(createdSeconds * 1000, life, 1) / 1000);
}
