import { randomUUID } from 'node:crypto';
import type { SandboxClock } from '../kit';
import type { JsonObject } from './json';

/** Who changed a resource, and with what. */
export interface Changer {
  principalId: string;
  userAgent: string;
}

const MOST_KEPT = 100;

/**
 * What `resourcechanges` of Azure Resource Graph remembers of one resource (Azure's documentation "Get resource changes", 2024-04).
 * Of all properties only the key reference is told apart. There at once, where Azure takes minutes.
 */
export class ChangeLog {
  readonly #clock: Pick<SandboxClock, 'now'>;
  readonly #resourceId: string;
  readonly #type: string;
  readonly #rows: JsonObject[] = [];

  constructor(clock: Pick<SandboxClock, 'now'>, resourceId: string, type: string) {
    this.#clock = clock;
    this.#resourceId = resourceId;
    this.#type = type;
  }

  note({ principalId, userAgent }: Changer, previousValue: string | undefined, newValue: string | undefined): void {
    const change = { previousValue, newValue, changeCategory: 'User', propertyChangeType: 'Update' };
    const changes =
      previousValue === newValue ? {} : { 'properties.encryption.keyVaultProperties[0].keyIdentifier': change };
    this.#rows.push({
      properties: {
        targetResourceId: this.#resourceId,
        targetResourceType: this.#type.toLowerCase(),
        changeType: 'Update',
        changeAttributes: {
          timestamp: this.#clock.now().toISOString(),
          correlationId: randomUUID(),
          changedByType: 'Application',
          changedBy: principalId,
          clientType: clientOf(userAgent),
          operation: `${this.#type.toLowerCase()}/write`,
          changesCount: Object.keys(changes).length,
        },
        changes,
      },
    });
    if (this.#rows.length > MOST_KEPT) this.#rows.shift();
  }

  rows(): readonly JsonObject[] {
    return this.#rows;
  }
}

/** Azure knows it from the caller's application; here a caller says it. */
function clientOf(userAgent: string): string {
  return /deployment/i.test(userAgent) ? 'ARM Template' : 'Unspecified';
}
