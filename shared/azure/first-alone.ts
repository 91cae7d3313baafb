import { statusOf } from './error-body';

/** Runs calls of one client; until it has been challenged once, one after the other. */
export type Gate = <T>(call: () => Promise<T>) => Promise<T>;

/**
 * Lets the first call of a client finish before any other begins. Key Vault's challenge policy (in keyvault-keys 4.10.2) sends
 * the first request without its body in order to be challenged; if a second request answers the challenge meanwhile, the
 * first is sent again with an empty body.
 */
export function firstAlone(): Gate {
  let challenged = false;
  let turn: Promise<void> = Promise.resolve();
  return async (call) => {
    if (challenged) return call();
    const before = turn;
    const mine = Promise.withResolvers<void>();
    turn = mine.promise;
    await before;
    if (challenged) mine.resolve();
    try {
      const value = await call();
      challenged = true;
      return value;
    } catch (error) {
      const status = statusOf(error);
      if (status !== null && status !== 401) challenged = true;
      throw error;
    } finally {
      mine.resolve();
    }
  };
}
