import { readFileSync } from 'node:fs';

import type { AccessRules } from './access/caller';
import { readAccess } from './config/access';
import { type AuditConfiguration, readAudit } from './config/audit';
import {
  type Environment,
  readEnvironment,
  rotationFileSetting,
  type Settings,
  settingsOf,
} from './config/environment';

import { type ManagedKeyConfiguration, readKeys } from './config/keys';
import { Problems } from './config/problems';
import { parseRotationFile, type RotationFile } from './config/rotation-file';
import { readVaults, type VaultConfiguration, vaultsOf } from './config/vaults';
import type { RunPolicy } from './contracts/activities';
import { sameKey } from './rotation/key-identifier';

export type { Cloud } from './config/cloud';
export type { AlertTopic, Environment, Settings, Webhook } from './config/environment';
export type { ManagedKeyConfiguration, TargetConfiguration } from './config/keys';
export type { LogWorkspace } from './config/log-workspace';
export { ConfigurationError, type Problem } from './config/problems';
export type { StorageLocation } from './config/storage';
export type { VaultConfiguration } from './config/vaults';

/** Everything that is configured: where (the environment) and what (rotation.json). Holds secrets: never log it. */
export interface Configuration extends Settings {
  readonly keys: readonly ManagedKeyConfiguration[];
  /** Who has which role; null where the function key is all there is. */
  readonly access: AccessRules | null;
  /** What signs histories; null if nothing does. */
  readonly audit: AuditConfiguration | null;
  /** One for each vault of the keys. */
  readonly vaults: readonly VaultConfiguration[];
  /** Ids of the subscriptions in which hubs and DPS are looked for: those of the targets, and what is listed besides. */
  readonly subscriptions: readonly string[];
  /** For how long after its start the task hub keeps the history of an instance that has ended. */
  readonly instanceHistorySeconds: number;
}

/** Long enough to look into what went wrong in the last quarter; everything that counts is in tables of our own. */
const presetInstanceHistorySeconds = 90 * 86_400;

/**
 * Reads and checks the whole configuration, from this process unless told otherwise.
 * @throws ConfigurationError that names every setting at fault
 */
export function loadConfiguration(
  // biome-ignore lint/style/noProcessEnv: the one place that reads the environment; everything else is given its settings
  environment: Environment = process.env,
  readFile: (path: string) => string = (path) => readFileSync(path, 'utf8'),
): Configuration {
  const problems = new Problems();
  const path = settingsOf(environment)(rotationFileSetting) ?? 'rotation.json';
  const text = readText(path, readFile, problems);
  const file = text === null ? null : parseRotationFile(path, text, problems);
  const kinds = new Set(file?.keys.flatMap(({ targets }) => targets.map(({ kind }) => kind)));
  const settings = readEnvironment(environment, { iotHub: kinds.has('iotHub'), dps: kinds.has('dps') }, problems);
  const keys = file === null ? [] : readKeys(path, file, settings, problems);
  const audit = file === null ? null : readAudit(path, file, settings.cloud, problems);
  const access = readAccess(path, file, environment, problems);
  const vaults = file === null ? [] : readVaults(path, file, keys, problems);
  problems.throwIfAny();
  const subscriptions = subscriptionsOf(keys, file);
  const instanceHistorySeconds = file?.instanceHistory ?? presetInstanceHistorySeconds;
  return { ...settings, keys, access, audit, vaults, subscriptions, instanceHistorySeconds };
}

function subscriptionsOf(keys: readonly ManagedKeyConfiguration[], file: RotationFile | null): readonly string[] {
  const ofTargets = keys
    .flatMap(({ targets }) => targets)
    .flatMap((target) => (target.kind === 'dataKeys' ? [] : (target.resourceId.split('/')[2] ?? [])));
  return [...new Set([...ofTargets, ...(file?.subscriptions ?? [])].map((id) => id.toLowerCase()))];
}

function readText(path: string, readFile: (path: string) => string, problems: Problems): string | null {
  try {
    return readFile(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    const whatToDo = `put rotation.json there, or name it with ${rotationFileSetting}; rotation.sample.json shows its form`;
    return problems.add(path, `cannot be read (${code})`, whatToDo);
  }
}

/** The configured KEK of this unversioned identifier, however it is written; null if the configuration does not name it. */
export function configuredKey(configuration: Configuration, key: string): ManagedKeyConfiguration | null {
  return configuration.keys.find((managed) => sameKey(managed.key, key)) ?? null;
}

/** How long this KEK's rotations soak and wait; null for a KEK that is not configured. */
export function policyOf(configuration: Configuration, key: string): RunPolicy | null {
  return configuredKey(configuration, key)?.policy ?? null;
}

/** Whether a vault (or anything in it) belongs to the configuration; no request goes to any other. */
export function vaultIsConfigured(configuration: Configuration, url: string): boolean {
  const origin = URL.canParse(url) ? new URL(url).origin : null;
  return origin !== null && configuration.keys.some((entry) => vaultsOf(entry).includes(origin));
}
