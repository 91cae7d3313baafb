import type { AccessRules } from './access/caller';
import { type AzurePorts, connectAzure, createVaultPacer, type PacedKeyVault, paceKeyVault } from './azure';
import {
  type Configuration,
  loadConfiguration,
  type ManagedKeyConfiguration,
  type TargetConfiguration,
} from './config';
import type { Health } from './contracts/http';
import { sweepNeed } from './rotation/heartbeat';
import { sealedAlong, sealQuietly } from './rotation/history-care';
import { sameKey } from './rotation/key-identifier';
import type { KeyVault, Now, Target } from './rotation/ports';
import type { ManagedKey, Replacement, RotationPorts } from './rotation/run-ports';
import { dataKeysTarget } from './targets/data-keys';
import { createDiscovery } from './targets/discovery';
import { dpsTarget } from './targets/dps';
import { iotHubTarget } from './targets/iot-hub';

/** The app put together: the one place where rules, targets and Azure meet. */
export interface Keyturn {
  readonly ports: RotationPorts;
  /** Who has which role; null where the function key is all there is. */
  readonly access: AccessRules | null;
  /** For how long after its start the task hub keeps the history of an instance that has ended. */
  readonly instanceHistorySeconds: number;
  /** @param log told in full what is missing; the answer itself names no key, vault or resource */
  health(log: (sentence: string) => void): Promise<Health>;
}

/** A host may supply the clock (the Functions host of a rehearsal does); in Azure it is the machine's. */
const hostClock = Symbol.for('keyturn.clock');

/** What time it is, and how to wait within an activity; both together, because whoever supplies the one has to supply the other. */
export interface Clock {
  readonly now: Now;
  /** Calls back once, after so many milliseconds, unless what it answers was called before. */
  after(milliseconds: number, then: () => void): () => void;
}

const usualClock: Clock = {
  now: () => {
    const supplied = (globalThis as { [hostClock]?: Now })[hostClock];
    return supplied === undefined ? new Date() : supplied();
  },
  after: (milliseconds, then) => {
    const timer = setTimeout(then, milliseconds);
    return () => clearTimeout(timer);
  },
};

/** @throws ConfigurationError that names every setting at fault */
export function compose(): Keyturn {
  const configuration = loadConfiguration();
  return composeOver(configuration, connectAzure(configuration));
}

/** The app over ports that are connected already. */
export function composeOver(configuration: Configuration, azure: AzurePorts, clock: Clock = usualClock): Keyturn {
  const { now } = clock;
  const aliveSince = now();
  const vault = pace(configuration, azure, clock);
  const managed = configuration.keys.flatMap((entry) => manage(configuration, entry, { ...azure, vault, now }));
  return {
    access: configuration.access,
    instanceHistorySeconds: configuration.instanceHistorySeconds,
    health: async (log) => {
      const [asked, sweep] = await Promise.all([azure.health(), azure.watch.lastSweep().catch(() => null)]);
      for (const { name, detail } of asked) if (detail !== null) log(`${name}: ${detail}`);
      const told = asked.map(({ name, ok, message }) => ({ name, ok, message }));
      const needs = [...told, sweepNeed(sweep, now(), aliveSince)];
      return { ok: needs.every(({ ok }) => ok), needs, sweep };
    },
    ports: {
      now,
      ledger: azure.ledger,
      ...historyPorts(azure, now),
      history: azure.history,
      plans: azure.plans,
      keyVault: vault.prompt,
      vaultLog: azure.vaultLog,
      discovery: createDiscovery(azure.resourceManager, configuration),
      watch: azure.watch,
      alerts: azure.alerts,
      outbox: azure.outbox,
      ...(configuration.apiOrigin === null ? {} : { apiOrigin: configuration.apiOrigin }),
      keys: managed.map(({ key }) => key),
      managed: (key) => managed.find((candidate) => sameKey(candidate.key, key)) ?? null,
    },
  };
}

type Azure = AzurePorts & { readonly vault: PacedKeyVault; readonly now: Now };

/** One budget for each vault, for all that this app asks of it. */
function pace({ vaults }: Configuration, { keyVault, budgets }: AzurePorts, { now, after }: Clock): PacedKeyVault {
  const clock = { now: () => now().getTime(), after };
  const pacers = new Map(
    vaults.map(({ vaultUrl, share, operationsPer10Seconds }) => {
      const ceiling = operationsPer10Seconds * share;
      return [vaultUrl, createVaultPacer({ vaultUrl, ceiling, budgets, clock })];
    }),
  );
  return paceKeyVault(keyVault, (vaultUrl) => pacers.get(vaultUrl) ?? null);
}

/** Where a key signs histories, a long run has its head signed on the way too, not only at its end. */
function historyPorts(
  { auditLog, sealing, alerts, outbox }: AzurePorts,
  now: Now,
): Pick<RotationPorts, 'auditLog' | 'sealing' | 'sealNow'> {
  if (sealing === null) return { auditLog };
  const sealNow = (key: string) => sealQuietly({ auditLog, sealing, alerts, outbox, now }, key);
  return { auditLog: sealedAlong(auditLog, sealing.every, sealNow), sealing, sealNow };
}

/** The KEK of an entry, and beside it those whose place it took: the same targets, looked at from there. */
function manage(configuration: Configuration, configured: ManagedKeyConfiguration, azure: Azure): ManagedKey[] {
  const { key, vaultResourceId, policy, mode, acceptUnknown, windows, retirement } = configured;
  const seenFrom = (own: Replacement, replacements: readonly Replacement[]): ManagedKey => ({
    ...{ key: own.key, policy, mode, acceptUnknown, windows, retirement, replacements },
    targets: configured.targets.map((target) => connect(configuration, { ...own, replacements }, target, azure)),
  });
  const present = { key, vaultResourceId };
  return [
    seenFrom(present, configured.replacements),
    ...configured.formerKeys.map((former) => ({ ...seenFrom(former, [present]), successor: key })),
  ];
}

function connect(
  { hubApiVersion, dpsApiVersion }: Configuration,
  own: Replacement & { readonly replacements: readonly Replacement[] },
  target: TargetConfiguration,
  azure: Azure,
): Target {
  const { name } = target;
  const { key, vaultResourceId } = own;
  const replacements = own.replacements.map((each) => each.key);
  if (target.kind === 'dataKeys') {
    const { onBadDataKey = 'roll-back' } = target;
    const ports = { store: azure.dataKeyStore(target.table), now: azure.now };
    const over = (keyVault: KeyVault) =>
      dataKeysTarget({ name, key, replacements, onBadDataKey }, { ...ports, keyVault });
    // Probes and the like do not wait behind thousands of keys.
    return { ...over(azure.vault.prompt), movePage: over(azure.vault.bulk).movePage };
  }
  const settings = { name, key, replacements, vaultResourceId, resourceId: target.resourceId };
  return target.kind === 'iotHub'
    ? iotHubTarget({ ...settings, apiVersion: hubApiVersion, twin: target.probe.twin }, azure)
    : dpsTarget({ ...settings, apiVersion: dpsApiVersion, enrollment: target.probe.enrollment }, azure);
}
