import type { CloudContext } from '../kit';
import { HttpsJson, type JsonAnswer } from './https-json';

const vaultAudience = 'https://vault.azure.net';
const apiVersion = 'api-version=7.4';
const algorithm = 'RSA-OAEP-256';

/** A data key as a service keeps it: wrapped, with the versioned identifier of the key that wrapped it and who may unwrap it. */
export interface WrappedKey {
  kid: string;
  blob: string;
  principalId: string;
}

/** The key a service was told to use: as in its `encryption` block, with or without a version. */
export interface KeyReference {
  keyIdentifier: string;
  principalId: string;
}

/** Key Vault did not do what the service needs. The text is the vault's own, without keys or tokens. */
export class KeyVaultTrouble extends Error {
  /** 0 when the vault gave no answer. */
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }

  /** Whether waiting may help: no answer, throttled, or the vault's own failure. */
  get transient(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** How a service reaches Key Vault: over HTTPS, as its user-assigned identity, like any other client. */
export class VaultConnection {
  readonly #context: CloudContext;
  readonly #https: HttpsJson;

  constructor(context: CloudContext) {
    this.#context = context;
    this.#https = new HttpsJson(context.certificates.caFile);
  }

  /** Wraps a data key; an identifier without a version is resolved to the current one first. @throws KeyVaultTrouble */
  async wrap(reference: KeyReference, key: Buffer): Promise<WrappedKey> {
    const kid = await this.currentVersion(reference);
    const value = await this.#operate('wrapkey', kid, reference.principalId, key.toString('base64url'));
    return { kid, blob: value, principalId: reference.principalId };
  }

  /** @throws KeyVaultTrouble */
  async unwrap(wrapped: WrappedKey): Promise<Buffer> {
    return Buffer.from(await this.#operate('unwrapkey', wrapped.kid, wrapped.principalId, wrapped.blob), 'base64url');
  }

  /** The versioned identifier that a reference stands for now. @throws KeyVaultTrouble */
  async currentVersion(reference: KeyReference): Promise<string> {
    const identifier = reference.keyIdentifier.replace(/\/$/, '');
    if (isVersioned(identifier)) return identifier;
    const body = await this.#call('GET', identifier, 'get', reference.principalId);
    const key = field(body, 'key');
    const kid = field(key, 'kid');
    if (typeof kid !== 'string') throw new KeyVaultTrouble('Key Vault returned no key identifier.', 502);
    return kid;
  }

  /** The versioned identifier so many versions before the newest, by creation time; 0 = the current one. @throws KeyVaultTrouble */
  async versionBack(reference: KeyReference, back: number): Promise<string> {
    if (back === 0) return this.currentVersion(reference);
    const body = await this.#call('GET', `${reference.keyIdentifier}/versions`, 'list', reference.principalId);
    const listed = field(body, 'value');
    const versions = (Array.isArray(listed) ? listed : []).map((item: unknown) => ({
      kid: String(field(item, 'kid')),
      created: Number(field(field(item, 'attributes'), 'created')),
    }));
    const found = versions.sort((left, right) => right.created - left.created)[back];
    if (found === undefined) throw new KeyVaultTrouble(`The key has no version ${back} before its newest.`, 404);
    return found.kid;
  }

  async #operate(operation: 'wrapkey' | 'unwrapkey', kid: string, principalId: string, value: string): Promise<string> {
    const body = await this.#call('POST', `${kid}/${operation}`, operation, principalId, { alg: algorithm, value });
    const result = field(body, 'value');
    if (typeof result !== 'string') throw new KeyVaultTrouble(`Key Vault returned no value for ${operation}.`, 502);
    return result;
  }

  async #call(method: string, url: string, operation: string, principalId: string, body?: unknown): Promise<unknown> {
    let answer: JsonAnswer;
    try {
      answer = await this.#https.call(
        method,
        `${url}?${apiVersion}`,
        this.#context.tokens.issue(principalId, vaultAudience),
        body,
      );
    } catch {
      throw new KeyVaultTrouble(`Key Vault could not be reached for ${operation}.`, 0);
    }
    if (answer.status === 200) return answer.body;
    const error = field(answer.body, 'error');
    const detail = field(field(error, 'innererror'), 'code') ?? field(error, 'code') ?? 'no code';
    const message = field(error, 'message') ?? 'no message';
    throw new KeyVaultTrouble(
      `Key Vault refused ${operation} with ${answer.status} (${detail}): ${message}`,
      answer.status,
    );
  }
}

/** Whether an identifier names a version: `https://<vault>/keys/<name>/<version>`. */
export function isVersioned(keyIdentifier: string): boolean {
  return /^https:\/\/[^/]+\/keys\/[^/]+\/[^/]+\/?$/i.test(keyIdentifier);
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
