/**
 * What an operation takes out of a vault's budget, in units of one operation with a software RSA-2048 key. Azure's limits per vault and
 * region in ten seconds (service limits of Key Vault, 2025-07-23): RSA-2048 4,000, RSA-3072 1,000, RSA-4096 500, creating a key 20; half of each
 * for a key in an HSM; everything else 4,000. They add up by weight, so that a unit is 1/4,000 of a vault, whatever it is spent on.
 */
export const documentedUnits = 4000;

/** What is known of a key; what is not is left out and taken for RSA-2048 in software, the cheapest: an answer of 429 tells better. */
export interface KeyKind {
  /** Bits of the modulus. */
  readonly size?: number | undefined;
  readonly hsm?: boolean | undefined;
}

/** Units of a wrap or an unwrap. */
export function keyOperationCost({ size = 2048, hsm = false }: KeyKind): number {
  const software = size <= 2048 ? 4000 : size <= 3072 ? 1000 : 500;
  return (documentedUnits / software) * (hsm ? 2 : 1);
}

/** Units of making a key version. */
export function creationCost(hsm: boolean): number {
  return (documentedUnits / 20) * (hsm ? 2 : 1);
}

/** Units of reading or listing versions and policies, and of changing a version's attributes. */
export const otherCost = 1;
