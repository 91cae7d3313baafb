import { kek } from './cloud';
import type { Simulation } from './simulation';

/** What must be nowhere but in a vault, a resource or an owner's record (I6): data keys plain and wrapped, and SAS keys. */
function secretsOf({ cloud }: Simulation): readonly string[] {
  const plain = cloud.owned.flatMap(({ dataKey }) =>
    (['hex', 'base64', 'base64url'] as const).map((encoding) => dataKey.toString(encoding)),
  );
  const wrapped = [...cloud.owned.map(({ record }) => record), ...cloud.store.look()].map(({ blob }) => blob);
  const sas = cloud.services.flatMap(({ policies }) =>
    policies.flatMap(({ primaryKey, secondaryKey }) => [primaryKey, secondaryKey]),
  );
  return [...plain, ...wrapped, ...sas];
}

/** Where nobody should find one, by its name. */
function placesOf({ cloud, engine, logged }: Simulation): Readonly<Record<string, unknown>> {
  const { claim, undo, commands, retirements, events } = cloud.ledger.look(kek);
  return {
    'durable history': [...engine.instances.values()].map(({ pastJson }) => pastJson),
    'durable status': [...engine.instances.values()].map(({ input, output, customStatus }) => [
      input,
      output,
      customStatus,
    ]),
    log: logged,
    alerts: [cloud.alerts.sent, cloud.outbox.owed()],
    'audit log': cloud.auditLog.stored(kek),
    ledger: [claim, undo, commands, retirements, events],
    'rotation history': [...cloud.history.rotations.values()],
    plans: [...cloud.plans.documents],
  };
}

/** @returns where a secret was found; empty if nowhere */
export function secretsFound(simulation: Simulation): readonly string[] {
  const secrets = secretsOf(simulation);
  return Object.entries(placesOf(simulation)).flatMap(([place, content]) => {
    const text = JSON.stringify(content);
    return secrets.some((secret) => text.includes(secret)) ? [`a secret is in the ${place}`] : [];
  });
}
