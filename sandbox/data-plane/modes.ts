/**
 * What nobody outside Azure knows of IoT Hub's and DPS's use of a customer-managed key ([U] in the facts this sandbox is written from).
 * The README says what each reading means; the defaults are the most hostile ones under which a rotation can still succeed.
 */
export interface KeyModes {
  /** How long an unwrapped data key is used before the vault is asked again. */
  keyCache: '5m' | '24h';
  /** Where a new key that cannot wrap is noticed: at the PUT, in the operation, or minutes after the operation has succeeded. */
  wrapFailsAt: 'put' | 'operation' | 'later';
  /** When a key identifier without a version is followed to a new version. */
  unversionedFollowed: 'at-once' | 'after-a-day' | 'never';
}

export const hostileKeyModes: KeyModes = { keyCache: '24h', wrapFailsAt: 'later', unversionedFollowed: 'after-a-day' };

const minute = 60_000;
const hour = 60 * minute;

export const cacheMilliseconds: Record<KeyModes['keyCache'], number> = { '5m': 5 * minute, '24h': 24 * hour };
/** Mode `wrapFailsAt: 'later'`: from the end of the operation to the real rewrap. */
export const laterMilliseconds = 5 * minute;
/** Mode `unversionedFollowed: 'after-a-day'`. */
export const followMilliseconds = 24 * hour;
