import { hostileKeyModes, type KeyModes } from '../data-plane';

/**
 * Readings of what nobody outside Azure knows of IoT Hub's and DPS's control plane; the README says what each means.
 * The defaults are the most hostile under which a rotation can still succeed.
 */
export interface ServiceModes extends KeyModes {
  /** What a PUT does to shared access policies that come without keys, or not at all. */
  sasKeys: 'wiped' | 'kept';
  /** What a PUT does with a connection string that GET had masked with `****`. */
  maskedSecrets: 'written' | 'kept';
  /** Whether GET shows `encryption` in the api-versions that have it. */
  echoEncryption: boolean;
  /** What a PUT in an api-version without `encryption` does to the block. */
  otherVersionPut: 'drops' | 'keeps';
  /** Whether a PUT of an existing hub must carry If-Match; DPS has no If-Match. */
  ifMatch: 'required' | 'optional';
  /** How many GETs answer 404 after an operation has succeeded. */
  staleReads: number;
  /** Virtual seconds that an operation takes. */
  operationSeconds: number;
  /** What an operation does while Key Vault cannot be reached: tries on for half an hour, or fails at once. */
  vaultUnreachable: 'waits' | 'fails';
  /** `provisioningState` after a failed operation; `state` is Active again in both. */
  afterFailure: 'Succeeded' | 'Failed';
}

const common: Omit<ServiceModes, 'staleReads' | 'operationSeconds'> = {
  ...hostileKeyModes,
  sasKeys: 'wiped',
  maskedSecrets: 'written',
  echoEncryption: true,
  otherVersionPut: 'drops',
  ifMatch: 'required',
  vaultUnreachable: 'fails',
  afterFailure: 'Failed',
};

export const hubModes: ServiceModes = { ...common, staleReads: 1, operationSeconds: 40 };
export const provisioningModes: ServiceModes = { ...common, staleReads: 0, operationSeconds: 25 };

const readings: { [Name in keyof ServiceModes]: readonly ServiceModes[Name][] | 'number' } = {
  keyCache: ['5m', '24h'],
  wrapFailsAt: ['put', 'operation', 'later'],
  unversionedFollowed: ['at-once', 'after-a-day', 'never'],
  sasKeys: ['wiped', 'kept'],
  maskedSecrets: ['written', 'kept'],
  echoEncryption: [true, false],
  otherVersionPut: ['drops', 'keeps'],
  ifMatch: ['required', 'optional'],
  staleReads: 'number',
  operationSeconds: 'number',
  vaultUnreachable: ['fails', 'waits'],
  afterFailure: ['Succeeded', 'Failed'],
};

/** Changes modes in place. @throws Error that names a mode or reading that does not exist: a scenario would else test nothing */
export function changeModes(modes: ServiceModes, changes: Partial<ServiceModes>): void {
  for (const [name, value] of Object.entries(changes)) {
    const allowed: readonly unknown[] | 'number' | undefined = readings[name as keyof ServiceModes];
    if (allowed === undefined) throw new Error(`there is no mode '${name}'`);
    const fits = allowed === 'number' ? typeof value === 'number' && value >= 0 : allowed.includes(value);
    if (!fits) throw new Error(`mode '${name}' has no reading '${String(value)}'`);
  }
  Object.assign(modes, changes);
}
