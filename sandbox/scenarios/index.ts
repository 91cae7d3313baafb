import type { Scenario } from '../run/stage';
import { dpsRefuses } from './dps-refuses';
import { duplicateEvents } from './duplicate-events';
import { hostKilled } from './host-killed';
import { manual } from './manual';
import { nearExpiry } from './near-expiry';
import { newVersion } from './new-version';
import { nothingToDo } from './nothing-to-do';
import { vaultOutage } from './vault-outage';

/** In the order in which `--list` shows them. */
export const scenarios: readonly Scenario[] = [
  nearExpiry,
  newVersion,
  manual,
  nothingToDo,
  dpsRefuses,
  vaultOutage,
  duplicateEvents,
  hostKilled,
];
