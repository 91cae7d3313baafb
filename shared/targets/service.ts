import { createHash } from 'node:crypto';
import type { MoveState, ProbeResult } from '../contracts/activities';
import type { Evidence } from '../contracts/rotation';
import { FaultError, PreconditionError, RefusalError } from '../rotation/errors';
import { parseKeyIdentifier, sameKey, sameKid, versionOf } from '../rotation/key-identifier';
import type {
  DataPlane,
  DataPlaneAnswer,
  Fence,
  RawResource,
  ResourceManager,
  ServiceTarget,
  TargetFacts,
  Verification,
} from '../rotation/ports';
import { type Access, readAccess } from './access';
import { type Encryption, findMasked, isRecord, moveEncryption } from './encryption';

/** What tells an IoT Hub from a DPS on the wire; everything else is the same and lives here. */
export interface ServiceDialect {
  readonly kind: 'iotHub' | 'dps';
  /** The preview that carries `encryption` at all. */
  readonly apiVersion: string;
  /** Whether the service takes If-Match; DPS does not, so it is read again after the write. */
  readonly takesIfMatch: boolean;
  encryption(resource: RawResource): Encryption | null;
  hostName(resource: RawResource): string | null;
  probe(dataPlane: DataPlane, hostName: string): Promise<DataPlaneAnswer>;
}

export interface ServiceSettings {
  readonly name: string;
  readonly resourceId: string;
  /** The KEK, unversioned. */
  readonly key: string;
  /** Unversioned identifiers of the keys that it may be replaced by, or that took its place. */
  readonly replacements?: readonly string[];
  /** ARM id of the vault, for role assignments and network rules; null if it is not configured. */
  readonly vaultResourceId: string | null;
}

export interface ServicePorts {
  readonly resourceManager: ResourceManager;
  readonly dataPlane: DataPlane;
}

/** Seconds between looks at a resource that is busy and gave no operation to poll. */
const lookAgainSeconds = 5;

/**
 * A hub or DPS as a target. A PUT replaces the whole resource, so it is read, changed in one place and written back, with the
 * SAS keys that only `listkeys` shows merged in: whether a PUT without them wipes them, no document says.
 */
export function serviceTarget(dialect: ServiceDialect, settings: ServiceSettings, ports: ServicePorts): ServiceTarget {
  const { kind, apiVersion } = dialect;
  const { name, resourceId, key, replacements = [] } = settings;
  const called = `${kind}/${name}`;
  const { resourceManager } = ports;

  const find = (): Promise<RawResource | null> => resourceManager.find(resourceId, apiVersion);

  /** Just after a write a 404 does not mean gone. */
  const read = async (): Promise<RawResource> => {
    const resource = await find();
    if (resource === null) {
      throw new FaultError('resource-not-found', `${called} was not found; just after a write that passes.`, {
        retryAfterSeconds: lookAgainSeconds,
      });
    }
    return resource;
  };

  const encryptionOf = (resource: RawResource): Encryption => {
    const encryption = dialect.encryption(resource);
    if (encryption === null) {
      throw new RefusalError(
        'encryption-not-echoed',
        `${called} does not show its encryption block, so its key cannot be moved safely.`,
      );
    }
    return encryption;
  };

  const kidNow = (resource: RawResource): string => {
    const { entryOf } = encryptionOf(resource);
    // The KEK's own first: a resource that names both does not count as moved.
    const entry = [key, ...replacements].map(entryOf).find((each) => each !== null) ?? null;
    if (entry === null) throw new RefusalError('other-key', `${called} does not use ${key}.`);
    return entry;
  };

  const listKeys = async (): Promise<readonly RawResource[]> => {
    const answer = await resourceManager.post(resourceId, 'listkeys', apiVersion);
    const { value, nextLink } = isRecord(answer) ? answer : {};
    // A PUT with half the policies takes the other half away, and one with none may wipe every key.
    if (!Array.isArray(value) || !value.every(isWholePolicy) || (nextLink !== undefined && nextLink !== null)) {
      throw new RefusalError(
        'sas-keys-unreadable',
        `The SAS keys of ${called} could not be read whole, so it cannot be written back without losing them.`,
      );
    }
    return value.filter(isRecord);
  };

  const probeOf = async (resource: RawResource | null): Promise<ProbeResult> => {
    const hostName = resource === null ? null : dialect.hostName(resource);
    if (hostName === null) return { kind, name, colour: 'unknown', message: 'Its host name could not be read.' };
    return { kind, name, ...colourOf(await dialect.probe(ports.dataPlane, hostName)) };
  };
  const probe = async (): Promise<ProbeResult> => probeOf(await find().catch(() => null));

  return {
    kind,
    name,
    resourceId,
    probe,

    async inspect(once, replacement) {
      const resource = await find();
      const encryption = resource === null ? null : dialect.encryption(resource);
      const access = await readAccess(
        resourceManager,
        replacement === undefined ? settings.vaultResourceId : replacement.vaultResourceId,
        encryption?.identities ?? [],
        resource,
        once,
        parseKeyIdentifier(replacement?.key ?? key)?.name,
      );
      return factsOf({ kind, name, resource, encryption, access, probe: await probeOf(resource) });
    },

    async readUndo() {
      return { kid: kidNow(await read()), fingerprints: fingerprintsOf(await listKeys()) };
    },

    async move(kid, fence, accepted) {
      const resource = await read();
      if (sameKid(kidNow(resource), kid)) return isActive(resource) ? { state: 'done' } : lookAgain;
      if (!isActive(resource)) {
        throw new FaultError(
          'resource-busy',
          `${called} is ${stateOf(resource)}; it takes a change only when it is Active.`,
          {
            retryAfterSeconds: lookAgainSeconds,
          },
        );
      }
      return write(resource, kid, fence, accepted);
    },

    async checkMove(kid, operationUrl) {
      if (operationUrl === null) return settled(kid);
      const operation = await resourceManager.operation(operationUrl);
      if (operation.status === 'InProgress')
        return { state: 'pending', retryAfterSeconds: operation.retryAfterSeconds };
      if (operation.status === 'Succeeded') return settled(kid);
      const { code, message } = operation.error ?? { code: operation.status, message: 'it gave no reason' };
      const said = `${called} did not move to ${kid}: ${code}: ${message}`;
      if (operation.error?.mayHeal) {
        return { state: 'failed', reason: { code: 'operation-failed', message: `${said} It is tried again.` } };
      }
      throw new RefusalError('operation-failed', said);
    },

    async verify(kid, fingerprints) {
      return verify(kid, fingerprints);
    },

    async currentKid() {
      return kidNow(await read());
    },

    async references(when) {
      const resource = await read();
      if (when === 'settled' && !isActive(resource)) {
        throw new FaultError(
          'resource-busy',
          `${called} is ${stateOf(resource)}; which key it comes to stand on shows when it is Active.`,
          { retryAfterSeconds: lookAgainSeconds },
        );
      }
      return encryptionOf(resource).keyIdentifiers.filter((kid) => sameKey(parseKeyIdentifier(kid)?.key ?? kid, key));
    },
  };

  async function write(
    resource: RawResource,
    kid: string,
    fence: Fence,
    accepted: (operationUrl: string | null) => Promise<void>,
  ): Promise<MoveState> {
    refuseMasked(resource);
    const keys = await listKeys();
    if (!dialect.takesIfMatch) await refuseChanged(resource);
    const from = kidNow(resource);
    refuseSecondEntry(resource, from, kid);
    const body = withSecurity(moveEncryption(resource, encryptionOf(resource), from, kid), keys);
    const ifMatch = dialect.takesIfMatch && typeof resource['etag'] === 'string' ? resource['etag'] : null;
    if (dialect.takesIfMatch && ifMatch === null) {
      throw new RefusalError('no-etag', `${called} was read without an ETag, so a write could undo somebody else's.`);
    }
    await fence();
    const operation = await resourceManager.put(resourceId, apiVersion, body, ifMatch).catch((error: unknown) => {
      if (!(error instanceof PreconditionError)) throw error;
      // Read again and decide again: the change that came between may be ours, with its answer lost.
      throw new FaultError('changed-meanwhile', `${called} was changed between reading and writing.`, {
        retryAfterSeconds: 2,
      });
    });
    await accepted(operation?.url ?? null);
    return operation === null ? lookAgain : { state: 'pending', retryAfterSeconds: operation.retryAfterSeconds };
  }

  /** The plan has looked, but somebody may have added a hidden secret since: written back, it would be asterisks for good. */
  function refuseMasked(resource: RawResource): void {
    const masked = findMasked(resource);
    if (masked.length === 0) return;
    throw new RefusalError('secrets-masked', `${called} hides what would have to be written back: ${masked[0]}.`);
  }

  /** Another entry that names the key to move to would make two of it: nobody could say which is meant, nor undo it. */
  function refuseSecondEntry(resource: RawResource, from: string, kid: string): void {
    const there = encryptionOf(resource).entryOf(kid);
    if (there === null || sameKey(from, kid)) return;
    throw new RefusalError('key-named-twice', `${called} names ${there} beside ${from} already; leave one entry.`);
  }

  /** Without If-Match the time between reading and writing is kept short, and a change within it that shows is not overwritten. */
  async function refuseChanged(resource: RawResource): Promise<void> {
    if (JSON.stringify(await read()) === JSON.stringify(resource)) return;
    throw new FaultError('changed-meanwhile', `${called} was changed between reading and writing.`, {
      retryAfterSeconds: 2,
    });
  }

  /** The operation is over: the resource has the last word. */
  async function settled(kid: string): Promise<MoveState> {
    const resource = await find();
    if (resource === null || !isActive(resource)) return lookAgain;
    if (sameKid(kidNow(resource), kid)) return { state: 'done' };
    throw new RefusalError('not-moved', `${called} ended its operation on ${kidNow(resource)} instead of ${kid}.`);
  }

  async function verify(kid: string, fingerprints: Readonly<Record<string, string>>): Promise<Verification> {
    const resource = await read();
    const stands = kidNow(resource);
    if (!sameKid(stands, kid)) throw new RefusalError('not-moved', `${called} names ${stands} instead of ${kid}.`);
    if (!isActive(resource)) {
      throw new FaultError('resource-busy', `${called} names ${kid} but is ${stateOf(resource)}.`, {
        retryAfterSeconds: lookAgainSeconds,
      });
    }
    await verifySasKeys(fingerprints);
    const opened = await probe();
    if (opened.colour === 'unknown') throw new FaultError('probe-unknown', `${called}: ${opened.message}`);
    const evidence: Evidence[] = [
      { strength: 'control-plane', message: `The resource is Active and names version ${versionOf(kid)}.` },
    ];
    // A read under a cached key is green whatever the key's state, so it is no more than this; the soak is what adds to it.
    if (opened.colour === 'green') {
      evidence.unshift({
        strength: 'data-plane',
        message: `${opened.message} The service may have used a cached key.`,
      });
    }
    return { evidence, probe: opened };
  }

  async function verifySasKeys(fingerprints: Readonly<Record<string, string>>): Promise<void> {
    if (Object.keys(fingerprints).length === 0) return;
    const present = fingerprintsOf(await listKeys());
    const lost = Object.entries(fingerprints).filter(([slot, fingerprint]) => present[slot] !== fingerprint);
    if (lost.length === 0) return;
    const slots = lost.map(([slot]) => slot).join(', ');
    throw new RefusalError(
      'sas-keys-changed',
      `${called} has other SAS keys than before the write (${slots}). Devices and services that use them may be cut off.`,
    );
  }
}

const isWholePolicy = (policy: unknown): boolean =>
  isRecord(policy) &&
  ['keyName', 'primaryKey', 'secondaryKey'].every((name) => typeof policy[name] === 'string' && policy[name] !== '');

const lookAgain: MoveState = { state: 'pending', retryAfterSeconds: lookAgainSeconds };

const propertiesOf = (resource: RawResource): RawResource => {
  const properties = resource['properties'];
  return isRecord(properties) ? properties : {};
};

const stateOf = (resource: RawResource): string => {
  const state = propertiesOf(resource)['state'];
  return typeof state === 'string' ? state : 'in no known state';
};

const isActive = (resource: RawResource): boolean => stateOf(resource).toLowerCase() === 'active';

/** Puts the SAS keys that `listkeys` showed where a GET left them out; lives and dies in the memory of one activity. */
function withSecurity(resource: RawResource, keys: readonly RawResource[]): RawResource {
  return { ...resource, properties: { ...propertiesOf(resource), authorizationPolicies: keys } };
}

/** Tells whether a SAS key is still the same one, and nothing about it. */
function fingerprintsOf(keys: readonly RawResource[]): Record<string, string> {
  const fingerprint = (value: unknown): string =>
    createHash('sha256')
      .update(`keyturn/sas/v1:${String(value)}`)
      .digest('hex')
      .slice(0, 32);
  return Object.fromEntries(
    keys.flatMap((policy) =>
      ['primaryKey', 'secondaryKey'].map((slot) => [`${String(policy['keyName'])}.${slot}`, fingerprint(policy[slot])]),
    ),
  );
}

function colourOf({ answer, message }: DataPlaneAnswer): Pick<ProbeResult, 'colour' | 'message'> {
  if (answer === 'opened') return { colour: 'green', message };
  if (answer === 'unreadable') return { colour: 'red', message };
  // A sentinel that is not there proves nothing either way.
  return { colour: 'unknown', message };
}

function factsOf(read: {
  kind: 'iotHub' | 'dps';
  name: string;
  resource: RawResource | null;
  encryption: Encryption | null;
  access: Access;
  probe: ProbeResult;
}): TargetFacts {
  const { kind, name, resource, encryption, access, probe } = read;
  return {
    kind,
    name,
    exists: resource !== null,
    echoesEncryption: encryption !== null,
    keySource: encryption?.keySource ?? null,
    keyIdentifiers: encryption?.keyIdentifiers ?? [],
    state: resource === null ? null : stateOf(resource),
    ...access,
    probe,
    masked: resource === null ? [] : findMasked(resource),
    total: 1,
    unfit: [],
    configuration: JSON.stringify([encryption?.block ?? null, access.principalIds]),
  };
}
