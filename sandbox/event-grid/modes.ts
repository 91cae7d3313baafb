/** How the delivery engine misbehaves, within what Azure's contract allows ("at least once", "no guaranteed order"). */
export interface DeliveryModes {
  /** Extra deliveries of every event that was already delivered well; 0 = none. */
  duplicate: number;
  /** Events are held for up to half a virtual minute and delivered newest first. */
  outOfOrder: boolean;
  /** The next so many events are lost before any attempt; true = all of them. Azure does not do this by contract, but endpoints do lose events. */
  drop: number | boolean;
}

export const defaultDeliveryModes: DeliveryModes = { duplicate: 0, outOfOrder: false, drop: false };

/** Reads modes from an untrusted body; anything unknown or of a wrong type is an error that names the field. */
export function parseModes(body: unknown): Partial<DeliveryModes> | string {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return 'modes must be a JSON object';
  const modes: Partial<DeliveryModes> = {};
  for (const [name, value] of Object.entries(body)) {
    if (name === 'duplicate' && (typeof value === 'number' || typeof value === 'boolean'))
      modes.duplicate = Number(value);
    else if (name === 'outOfOrder' && typeof value === 'boolean') modes.outOfOrder = value;
    else if (name === 'drop' && (typeof value === 'number' || typeof value === 'boolean')) modes.drop = value;
    else return `mode '${name}' is unknown or has a value of the wrong type`;
  }
  return modes;
}
