/**
 * The effects of Keyturn, each behind a narrow port. Adapters live in shared/azure, fakes in test/fakes. Every port may throw
 * a `FaultError` (may heal) or a `RefusalError` (will not); anything else is a bug.
 */

/** The instant it is now: the machine's clock, unless the host supplies another. */
export type Now = () => Date;

export type * from './ports/alerts';
export type * from './ports/audit-log';
export type * from './ports/data-key-store';
export type * from './ports/data-plane';
export type * from './ports/discovery';
export type * from './ports/key-vault';
export type * from './ports/ledger';
export type * from './ports/resource-manager';
export type * from './ports/rotation-history';
export type * from './ports/sealing';
export type * from './ports/targets';

export type * from './ports/vault-budgets';

export type * from './ports/vault-log';
export type * from './ports/watch';
