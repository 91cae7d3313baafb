/**
 * A line of the vault's log, as Azure's category AuditEvent tells it. Azure delivers its log up to ten minutes late; this one is
 * there at once, and says so in sandbox/README.md.
 */
export interface LoggedOperation {
  /** Virtual time, ISO 8601. */
  time: string;
  vault: string;
  /** E.g. `KeyUnwrap`, `KeyRotateIfDue`. */
  operationName: string;
  key: string | undefined;
  version: string | undefined;
  /** Undefined for what the vault does by itself. */
  principalId: string | undefined;
  /** Name of the identity in the seed. */
  identity: string | undefined;
  status: number;
}

/** Names as in Azure's documentation "Key Vault logging". */
export const OPERATION_NAMES: Record<string, string> = {
  createKey: 'KeyCreate',
  getKey: 'KeyGet',
  listKeys: 'KeyList',
  listVersions: 'KeyListVersions',
  updateKey: 'KeyUpdate',
  rotateKey: 'KeyRotate',
  getRotationPolicy: 'KeyRotationPolicyGet',
  putRotationPolicy: 'KeyRotationPolicySet',
  wrapKey: 'KeyWrap',
  unwrapKey: 'KeyUnwrap',
  encrypt: 'KeyEncrypt',
  decrypt: 'KeyDecrypt',
  sign: 'KeySign',
  verify: 'KeyVerify',
  deleteKey: 'KeyDelete',
  getDeletedKey: 'KeyGetDeleted',
  listDeletedKeys: 'KeyListDeleted',
  recoverKey: 'KeyRecover',
  purgeKey: 'KeyPurge',
};

const CAPACITY = 100_000;

export class OperationLog {
  readonly #lines: LoggedOperation[] = [];

  append(line: LoggedOperation): void {
    if (this.#lines.length >= CAPACITY) this.#lines.splice(0, CAPACITY / 10);
    this.#lines.push(line);
  }

  list(): LoggedOperation[] {
    return [...this.#lines];
  }
}
