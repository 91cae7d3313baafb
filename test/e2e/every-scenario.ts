import { env } from 'node:process';
import { allNext, allPrevious, type Play } from './played';

/** The names that the contract fixes, and the stories that touch most of what can go wrong: played by every `npm test`. */
export const central: readonly Play[] = [
  { scenario: 'near-expiry', phase: 'completed', stands: allNext },
  { scenario: 'new-version', phase: 'completed', stands: allNext },
  { scenario: 'manual', phase: 'completed', stands: allNext },
  { scenario: 'nothing-to-do', phase: 'skipped', stands: allPrevious },
  { scenario: 'dps-refuses', phase: 'rolled-back', stands: allPrevious },
  { scenario: 'vault-outage', phase: 'completed', stands: allNext },
  { scenario: 'duplicate-events', phase: 'completed', stands: allNext },
  { scenario: 'host-killed', phase: 'completed', stands: allNext },
  { scenario: 'retirement', phase: 'completed', stands: allNext },
  { scenario: 'rollback-stuck', phase: 'rolled-back', stands: allPrevious },
  { scenario: 'approval-refused', phase: 'cancelled', stands: allPrevious },
  { scenario: 'observe', phase: null, stands: allPrevious },
];

/** Played by `npm run test:scenarios`. */
export const others: readonly Play[] = [
  { scenario: 'retirement-refused', phase: 'completed', stands: ['next', 'next', null] },
  { scenario: 'unknown-hub', phase: 'completed', stands: allNext },
  { scenario: 'retirement-undone', phase: 'completed', stands: allNext },
  { scenario: 'retirement-by-log', phase: 'completed', stands: allNext },
  { scenario: 'retirement-unknown-user', phase: 'completed', stands: allNext },
  { scenario: 'retirement-log-away', phase: 'completed', stands: allNext },
  { scenario: 'retire-by-hand', phase: 'completed', stands: allNext },
  { scenario: 'probe-red', phase: 'rolled-back', stands: allPrevious },
  { scenario: 'throttled', phase: 'completed', stands: allNext },
  { scenario: 'abandoned', phase: 'abandoned', stands: ['next', 'previous', 'previous'] },
  { scenario: 'paused', phase: 'completed', stands: allNext },
  { scenario: 'approval-given', phase: 'completed', stands: allNext },
  { scenario: 'approval-changed', phase: 'completed', stands: allNext },
  { scenario: 'cancelled', phase: 'cancelled', stands: allPrevious },
  { scenario: 'lost-event', phase: 'completed', stands: allNext },
  { scenario: 'previous-expired', phase: 'completed', stands: allNext },
  { scenario: 'unversioned', phase: 'completed', stands: allNext },
  { scenario: 'next-unusable', phase: 'refused', stands: allPrevious },
  { scenario: 'role-removed', phase: 'rolled-back', stands: allPrevious },
  { scenario: 'sas-keys', phase: 'rolled-back', stands: allPrevious },
  { scenario: 'human-change', phase: 'completed', stands: allNext },
  { scenario: 'drift', phase: 'completed', stands: allNext },
  { scenario: 'key-hygiene', phase: null, stands: allPrevious },
  { scenario: 'owner-replaces', phase: 'rolled-back', stands: allPrevious },
  { scenario: 'two-keys', phase: 'completed', stands: allNext },
  { scenario: 'change-window', phase: 'completed', stands: allNext },
  { scenario: 'window-never-opens', phase: 'completed', stands: allNext },
  { scenario: 'four-eyes', phase: 'completed', stands: allNext },
  { scenario: 'revoke-restore', phase: 'completed', stands: allPrevious },
  { scenario: 'revoke-refused', phase: 'completed', stands: allPrevious },
  { scenario: 'adopt', phase: 'completed', stands: allPrevious },
  { scenario: 'replace', phase: 'completed', stands: allNext },
  { scenario: 'replace-refused', phase: 'refused', stands: allPrevious },
  { scenario: 'replace-goes-back', phase: 'rolled-back', stands: allPrevious },
  { scenario: 'rollback-completed', phase: 'rolled-back', stands: allPrevious },
  { scenario: 'task-hub-lost', phase: 'completed', stands: allNext },
  { scenario: 'audit-tampered', phase: 'completed', stands: allNext, history: 'broken' },
  { scenario: 'audit-key-gone', phase: 'completed', stands: allNext, history: 'broken' },
];

/**
 * The other readings of what nobody outside Azure knows, each with the scenario to which it matters. The defaults, the most
 * hostile ones, are those of every other run.
 */
export const acrossModes: readonly (Play & { readonly modes: readonly string[] })[] = [
  { scenario: 'sas-keys', modes: ['sasKeys=kept'], phase: 'rolled-back', stands: allPrevious },
  {
    scenario: 'near-expiry',
    modes: ['dps.echoEncryption=false'],
    phase: 'refused',
    stands: ['previous', null, 'previous'],
  },
  {
    scenario: 'manual',
    modes: ['hub.echoEncryption=false'],
    phase: 'refused',
    stands: [null, 'previous', 'previous'],
  },
  { scenario: 'role-removed', modes: ['wrapFailsAt=operation'], phase: 'rolled-back', stands: allPrevious },
  { scenario: 'role-removed', modes: ['wrapFailsAt=put'], phase: 'rolled-back', stands: allPrevious },
  { scenario: 'role-removed', modes: ['keyCache=5m'], phase: 'rolled-back', stands: allPrevious },
  { scenario: 'vault-outage', modes: ['wrapFailsAt=put'], phase: 'completed', stands: allNext },
  {
    scenario: 'vault-outage',
    modes: ['wrapFailsAt=operation', 'vaultUnreachable=fails'],
    phase: 'completed',
    stands: allNext,
  },
  { scenario: 'retirement', modes: ['keyCache=5m'], phase: 'completed', stands: allNext },
  { scenario: 'unversioned', modes: ['unversionedFollowed=at-once'], phase: 'completed', stands: allNext },
  { scenario: 'unversioned', modes: ['unversionedFollowed=never'], phase: 'completed', stands: allNext },
  { scenario: 'dps-refuses', modes: ['afterFailure=Succeeded'], phase: 'rolled-back', stands: allPrevious },
  { scenario: 'rollback-completed', modes: ['wrapFailsAt=operation'], phase: 'rolled-back', stands: allPrevious },
  { scenario: 'near-expiry', modes: ['staleReads=4', 'operationSeconds=900'], phase: 'completed', stands: allNext },
  { scenario: 'human-change', modes: ['ifMatch=optional'], phase: 'completed', stands: allNext },
];

/** Whether everything is to be played; a few minutes more than every `npm test` can take. */
// biome-ignore lint/style/noProcessEnv: a test is told from outside how much to play, and the app's configuration must not know it
export const playsEverything = env['KEYTURN_TEST_SCENARIOS'] === 'all';
