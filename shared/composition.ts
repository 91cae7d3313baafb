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
  /** @param log told in full what is missing; the answer itself names no key, vault or resource */
  health(log: (sentence: string) => void): Promise<Health>;
}

/** A host may supply the clock (the Functions host of a rehearsal does); in Azure it is the machine's. */
const hostClock = Symbol.for('keyturn.clock');

const now: Now = () => {
  const supplied = (globalThis as { [hostClock]?: Now })[hostClock];
  return supplied === undefined ? new Date() : supplied();
};

/** @throws ConfigurationError that names every setting at fault */
export function compose(): Keyturn {
  const configuration = loadConfiguration();
  const azure = connectAzure(configuration);
  const aliveSince = now();
  const vault = pace(configuration, azure);
  const managed = configuration.keys.flatMap((entry) => manage(configuration, entry, { ...azure, vault }));
  return {
    access: configuration.access,
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
      ...historyPorts(azure),
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

type Azure = AzurePorts & { readonly vault: PacedKeyVault };

/** One budget for each vault, for all that this app asks of it. */
function pace({ vaults }: Configuration, { keyVault, budgets }: AzurePorts): PacedKeyVault {
  const clock = {
    now: () => now().getTime(),
    after: (milliseconds: number, then: () => void) => {
      const timer = setTimeout(then, milliseconds);
      return () => clearTimeout(timer);
    },
  };
  const pacers = new Map(
    vaults.map(({ vaultUrl, share, operationsPer10Seconds }) => {
      const ceiling = operationsPer10Seconds * share;
      return [vaultUrl, createVaultPacer({ vaultUrl, ceiling, budgets, clock })];
    }),
  );
  return paceKeyVault(keyVault, (vaultUrl) => pacers.get(vaultUrl) ?? null);
}

/** Where a key signs histories, a long run has its head signed on the way too, not only at its end. */
function historyPorts({
  auditLog,
  sealing,
  alerts,
  outbox,
}: AzurePorts): Pick<RotationPorts, 'auditLog' | 'sealing' | 'sealNow'> {
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
  const now = { key, vaultResourceId };
  return [
    seenFrom(now, configured.replacements),
    ...configured.formerKeys.map((former) => ({ ...seenFrom(former, [now]), successor: key })),
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
    const ports = { store: azure.dataKeyStore(target.table), now };
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
