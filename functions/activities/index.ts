import type { Activities, ActivityName } from '../../shared/contracts/activities';
import { admit } from '../../shared/rotation/admission';
import { undoAdoption, writeAdoption } from '../../shared/rotation/adopting';
import { sendAlert } from '../../shared/rotation/alerting';
import { checkMove, moveTarget, verifyTarget } from '../../shared/rotation/moving';
import { moveDataKeysPage } from '../../shared/rotation/moving-data-keys';
import { chooseVersion } from '../../shared/rotation/next-version';
import { toOutcome } from '../../shared/rotation/outcome';
import { makePlan } from '../../shared/rotation/planning';
import { proveIdle } from '../../shared/rotation/proving-idle';
import {
  beginRetirement,
  disableVersions,
  dropOldBlobs,
  enableVersions,
  endRetirement,
  watchTargets,
} from '../../shared/rotation/retiring';
import { lookAtAccess, restoreVersions, revokeVersions } from '../../shared/rotation/revoking';
import type { RotationPorts } from '../../shared/rotation/run-ports';
import { secureWayBack } from '../../shared/rotation/securing';
import { beginSoak, probeTargets } from '../../shared/rotation/soaking';
import { recordStanding } from '../../shared/rotation/standing';
import { enterPhase, noteWaiting } from '../../shared/rotation/telling';
import { listUndo, proveWayBack } from '../../shared/rotation/way-back';
import { registerActivity } from '../durable';

/** Every activity and the use case behind it. The type makes a name without a use case, or the reverse, a compile error. */
export const activities: {
  readonly [N in ActivityName]: (
    ports: RotationPorts,
    input: Activities[N]['input'],
  ) => Promise<Activities[N]['output']>;
} = {
  admit,
  makePlan,
  chooseVersion,
  moveTarget,
  checkMove,
  moveDataKeysPage,
  verifyTarget,
  beginSoak,
  probeTargets,
  proveWayBack,
  listUndo,
  recordStanding,
  secureWayBack,
  writeAdoption,
  undoAdoption,
  revokeVersions,
  restoreVersions,
  lookAtAccess,
  beginRetirement,
  proveIdle,
  disableVersions,
  enableVersions,
  watchTargets,
  dropOldBlobs,
  endRetirement,
  enterPhase,
  noteWaiting,
  sendAlert,
};

/** Registers them over ports that are made when the first activity runs. */
export function registerActivities(ports: () => RotationPorts): void {
  for (const name of Object.keys(activities) as ActivityName[]) register(name, ports);
}

function register<N extends ActivityName>(name: N, ports: () => RotationPorts): void {
  registerActivity(name, (input) => toOutcome(() => activities[name](ports(), input)));
}
