import type { RawResource } from '../../shared/rotation/ports';
import { dpsId, hubId, kek, v1 } from '../simulation/cloud';
import type { Simulation } from '../simulation/simulation';
import { wrapped } from '../unit/shared/use-cases/world';
import { nextVersionOf } from './places';
import type { Deed } from './schedule';
import { type Tampered, tamper } from './tampering';

export interface Moved {
  readonly kind: 'iotHub' | 'dps';
  readonly rotationId: string;
}

/** What a deed may do beyond the simulation itself. */
export interface Stage {
  readonly simulation: Simulation;
  /** The first event's id. */
  readonly firstEvent: string;
  /** A version that nobody may use from now on. @returns what gives the right back */
  forbid(kid: string): () => void;
  /** Reads may fail from now on, and it is explained. @returns what ends it */
  excuseReads(): () => void;
  /** Whether Keyturn looks after the store of data keys. */
  readonly hasStore: boolean;
  /** Whose key identifier somebody else wrote, and during which rotation. */
  readonly moved: Moved[];
  /** Those of them that he gave a version that was disabled already. */
  readonly shut: Set<'iotHub' | 'dps'>;
  /** What somebody has tampered with so far. */
  readonly tampered: Tampered[];
  /** A pause that was taken, of one rotation or, with null, of everything, until it is over. */
  paused(of: string | null, answered: Promise<number>): () => void;
  /** A word that ends the pause of a rotation, once it was taken. */
  unpaused(of: string, answered: Promise<number>): void;
}

type Doing = (stage: Stage, minutes: number) => (() => void) | undefined;

const idOf = ({ cloud, rotations }: Simulation): string | null =>
  cloud.ledger.look(kek).claim?.rotationId ?? rotations.at(-1)?.rotationId ?? null;

/** Gives a command to the run that is alive, or to the last. */
function commanding(name: string): Doing {
  return ({ simulation, unpaused }) => {
    const id = idOf(simulation);
    if (id === null) return undefined;
    const answer = simulation.begin(`${name}Rotation`, { params: { id } });
    unpaused(
      id,
      answer.then(({ status }) => status),
    );
    return undefined;
  };
}

/** A timer's turn comes, in the middle of what goes on. */
function firing(timer: string): Doing {
  return ({ simulation }) => {
    simulation.fire(timer);
    return undefined;
  };
}

const pausing: Doing = ({ simulation, paused }) => {
  const id = idOf(simulation);
  if (id === null) return undefined;
  const answer = simulation.begin('pauseRotation', { params: { id } });
  const over = paused(
    id,
    answer.then(({ status }) => status),
  );
  return () => {
    over();
    void simulation.begin('resumeRotation', { params: { id } });
  };
};

const pausingAll: Doing = ({ simulation, paused }) => {
  const answer = simulation.begin('pauseAll', { body: { reason: 'an exercise' } });
  const over = paused(
    null,
    answer.then(({ status }) => status),
  );
  return () => {
    over();
    void simulation.begin('resumeAll');
  };
};

/** Somebody else reads a resource, changes something, and writes it back, as the portal or a deployment does. */
function writing(target: 'iotHub' | 'dps', change: (body: RawResource) => RawResource, moves: boolean): Doing {
  return ({ simulation, moved, shut }) => {
    const { cloud } = simulation;
    const service = cloud.services[target === 'iotHub' ? 0 : 1];
    const id = target === 'iotHub' ? hubId : dpsId;
    const { somebody } = cloud.resourceManager;
    void (async () => {
      const read = await somebody.get(id, 'any');
      const properties = { ...(read['properties'] as RawResource), authorizationPolicies: service.policies };
      const etag = target === 'iotHub' ? String(read['etag']) : null;
      await somebody.put(id, 'any', change({ ...read, properties }), etag);
      if (!moves) return;
      noteMoved(simulation, moved, target);
      if (cloud.vault.look().some(({ version, enabled }) => version === v1 && !enabled)) shut.add(target);
    })().catch(() => undefined); // busy, or hidden for a moment: whoever it is gives up
    return undefined;
  };
}

/** Longer than any operation lasts: until its end some readings show the resource as it was. */
const operationMilliseconds = 120_000;

/** Of the run that is alive, or of the last, which may still go back; and of whichever begins before the write is seen. */
function noteMoved(simulation: Simulation, moved: Moved[], kind: Moved['kind']): void {
  const note = (): void => {
    const { claim } = simulation.cloud.ledger.look(kek);
    const rotationId = claim?.rotationId ?? claim?.lastRotationId ?? null;
    if (rotationId !== null) moved.push({ kind, rotationId });
  };
  note();
  simulation.agenda.in(operationMilliseconds, note);
}

const tagged = (body: RawResource): RawResource => ({
  ...body,
  tags: { ...(body['tags'] as RawResource), season: 'harvest' },
});

/** Puts the first version back, as a template does that still names it. */
function reverted(body: RawResource): RawResource {
  const text = JSON.stringify(body).replaceAll(new RegExp(`${kek}/[0-9a-z]{32}`, 'g'), `${kek}/${v1}`);
  return JSON.parse(text) as RawResource;
}

function disabling(which: 'previous' | 'next'): Doing {
  return ({ simulation, excuseReads }) => {
    const { vault, ledger } = simulation.cloud;
    const version = which === 'previous' ? v1 : nextVersionOf(simulation);
    if (version === null || !vault.look().some((each) => each.version === version && each.enabled)) return undefined;
    vault.change(version, { enabled: false });
    const end = excuseReads();
    return () => {
      end();
      const { claim, retirements } = ledger.look(kek);
      const theirs = retirements.some(({ disabledAt, versions }) => disabledAt !== null && versions.includes(version));
      if (!theirs && claim?.revocation === undefined) vault.change(version, { enabled: true });
    };
  };
}

function forbidding(which: 'previous' | 'next'): Doing {
  return ({ simulation, forbid }) => {
    const version = which === 'previous' ? v1 : nextVersionOf(simulation);
    return version === null ? undefined : forbid(`${kek}/${version}`);
  };
}

/** The clock of the app alone is wrong, by as much as it stays so; then it is right again, as after a correction from the network. */
const wrongClock =
  (direction: 1 | -1): Doing =>
  ({ simulation }, minutes) => {
    const by = direction * minutes * 60_000;
    simulation.appClockWrongBy += by;
    return () => {
      simulation.appClockWrongBy -= by;
    };
  };

/** Its owner deletes the key, and recovers it later: until then nobody finds any version of it. */
const deleting: Doing = ({ simulation, excuseReads }) => {
  const { vault } = simulation.cloud;
  const deletedOn = simulation.now();
  vault.softDelete({ deletedOn, purgedOn: new Date(deletedOn.getTime() + 90 * 86_400_000) });
  const end = excuseReads();
  return () => {
    end();
    vault.recover();
  };
};

const someRecord = 0;

export const doings: Readonly<Record<Deed['kind'], Doing>> = {
  pause: pausing,
  'pause-all': pausingAll,
  rollback: commanding('rollback'),
  cancel: commanding('cancel'),
  abandon: commanding('abandon'),
  'second-request': ({ simulation }) => {
    void simulation.begin('startRotation', { body: { key: kek, reason: 'once more' } });
    return undefined;
  },
  'second-event': ({ simulation }) => {
    simulation.deliver('KeyNearExpiry', `${kek}/${v1}`);
    return undefined;
  },
  'duplicate-event': ({ simulation, firstEvent }) => {
    simulation.deliver('KeyNearExpiry', `${kek}/${v1}`, { id: firstEvent });
    return undefined;
  },
  'forged-event': ({ simulation }) => {
    simulation.deliver('KeyExpired', `https://kv-evil.vault.azure.net/keys/kek/${v1}`);
    simulation.deliver('KeyNewVersionCreated', `${kek}/${'f'.repeat(32)}`);
    return undefined;
  },
  'late-event': ({ simulation }, minutes) => {
    simulation.deliver('KeyNearExpiry', `${kek}/${v1}`, { afterSeconds: minutes * 60 });
    return undefined;
  },
  'human-tags-hub': writing('iotHub', tagged, false),
  'human-tags-dps': writing('dps', tagged, false),
  'deployment-reverts-hub': writing('iotHub', reverted, true),
  'deployment-reverts-dps': writing('dps', reverted, true),
  'disable-previous': disabling('previous'),
  'disable-next': disabling('next'),
  'key-deleted': deleting,
  'forbid-previous': forbidding('previous'),
  'forbid-next': forbidding('next'),
  'clock-jumps': ({ simulation }, minutes) => {
    simulation.agenda.pass(minutes * 60_000);
    return undefined;
  },
  'clock-goes-back': wrongClock(-1),
  'clock-goes-ahead': wrongClock(1),
  'task-hub-lost': ({ simulation }) => {
    simulation.agenda.in(0, () => simulation.engine.forgetAll());
    return undefined;
  },
  'verify-now': firing('verifyHistories'),
  'purge-now': firing('purgeEndedInstances'),
  'history-tampered': ({ simulation, tampered }, minutes) => {
    tamper(simulation, tampered, minutes);
    return undefined;
  },
  'owner-writes-record': ({ simulation: { cloud, judge }, hasStore }) => {
    const name = `new-${cloud.owned.length}`;
    const newest = cloud.vault.look().findLast(({ enabled }) => enabled);
    // A store that nobody configured cannot be found by looking.
    if (newest === undefined || !hasStore) return undefined;
    const made = wrapped(newest, name);
    cloud.owned.push(made);
    cloud.store.ownerPuts(made.record);
    judge.excused.add(name);
    return undefined;
  },
  'owner-removes-record': ({ simulation: { cloud } }) => {
    const [gone] = cloud.owned.splice(someRecord, 1);
    if (gone !== undefined) cloud.store.ownerRemoves(gone.record.id);
    return undefined;
  },
};
