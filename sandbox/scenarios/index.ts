import type { Scenario } from '../run/stage';
import { abandoned } from './abandoned';
import { adopt } from './adopt';
import { approvalChanged } from './approval-changed';
import { approvalGiven } from './approval-given';
import { approvalRefused } from './approval-refused';
import { auditKeyGone } from './audit-key-gone';
import { auditTampered } from './audit-tampered';
import { cancelled } from './cancelled';
import { changeWindow } from './change-window';
import { dpsRefuses } from './dps-refuses';
import { drift } from './drift';
import { duplicateEvents } from './duplicate-events';
import { fourEyes } from './four-eyes';
import { hostKilled } from './host-killed';
import { humanChange } from './human-change';
import { keyHygiene } from './key-hygiene';
import { lostEvent } from './lost-event';
import { manual } from './manual';
import { nearExpiry } from './near-expiry';
import { newVersion } from './new-version';
import { nextUnusable } from './next-unusable';
import { nothingToDo } from './nothing-to-do';
import { observe } from './observe';
import { ownerReplaces } from './owner-replaces';
import { paused } from './paused';
import { previousExpired } from './previous-expired';
import { probeRed } from './probe-red';
import { replace } from './replace';
import { replaceGoesBack } from './replace-goes-back';
import { replaceRefused } from './replace-refused';
import { retireByHand } from './retire-by-hand';
import { retirement } from './retirement';
import { retirementByLog } from './retirement-by-log';
import { retirementLogAway } from './retirement-log-away';
import { retirementRefused } from './retirement-refused';
import { retirementUndone } from './retirement-undone';
import { retirementUnknownUser } from './retirement-unknown-user';
import { revokeRefused } from './revoke-refused';
import { revokeRestore } from './revoke-restore';
import { roleRemoved } from './role-removed';
import { rollbackCompleted } from './rollback-completed';
import { rollbackStuck } from './rollback-stuck';
import { sasKeys } from './sas-keys';
import { taskHubLost } from './task-hub-lost';
import { throttled } from './throttled';
import { twoKeys } from './two-keys';
import { unknownHub } from './unknown-hub';
import { unversioned } from './unversioned';
import { vaultOutage } from './vault-outage';
import { windowNeverOpens } from './window-never-opens';

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
  retirement,
  retirementRefused,
  unknownHub,
  retirementUndone,
  retirementByLog,
  retirementUnknownUser,
  retirementLogAway,
  retireByHand,
  probeRed,
  throttled,
  rollbackStuck,
  abandoned,
  paused,
  approvalGiven,
  approvalRefused,
  approvalChanged,
  cancelled,
  lostEvent,
  previousExpired,
  unversioned,
  nextUnusable,
  roleRemoved,
  sasKeys,
  humanChange,
  drift,
  keyHygiene,
  ownerReplaces,
  observe,
  twoKeys,
  changeWindow,
  windowNeverOpens,
  fourEyes,
  revokeRestore,
  revokeRefused,
  adopt,
  replace,
  replaceRefused,
  replaceGoesBack,
  rollbackCompleted,
  taskHubLost,
  auditTampered,
  auditKeyGone,
];
