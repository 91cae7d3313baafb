import type { AzurePorts } from '../../shared/azure';
import { composeOver } from '../../shared/composition';
import { loadConfiguration } from '../../shared/config';
import { fakeAlertOutbox } from '../fakes/alert-outbox';
import { fakeAuditLog } from '../fakes/audit-log';
import { fakeAlertChannel, fakeDataPlane, fakePlanStore } from '../fakes/channels';
import { fakeDataKeyStore } from '../fakes/data-key-store';
import { fakeKeyVault } from '../fakes/key-vault';
import { fakeLedger } from '../fakes/ledger';
import { fakeResourceManager } from '../fakes/resource-manager';
import { fakeHistory } from '../fakes/rotation-history';
import { fakeAnchorStore, fakeHeadSigner } from '../fakes/sealing';
import { fakeVaultBudgets } from '../fakes/vault-budgets';
import { fakeVaultLog } from '../fakes/vault-log';
import { fakeWatchStore } from '../fakes/watch-store';
import { everyEffect, portEffects } from './port-effects';
import { type Call, calling, type Edge, withEdges } from './with-edges';

const dataKeys = fakeDataKeyStore();
const alerts = fakeAlertChannel();
const ledger = fakeLedger();
const azure: AzurePorts = {
  keyVault: fakeKeyVault(),
  resourceManager: fakeResourceManager(),
  dataPlane: fakeDataPlane(),
  dataKeyStore: () => dataKeys,
  ledger,
  auditLog: fakeAuditLog(),
  history: fakeHistory(),
  watch: fakeWatchStore(),
  plans: fakePlanStore(),
  alerts: [alerts],
  outbox: fakeAlertOutbox(),
  vaultLog: fakeVaultLog(),
  sealing: { signer: fakeHeadSigner(), anchors: fakeAnchorStore(), every: 100 },
  budgets: fakeVaultBudgets(),
  health: async () => [],
};

/** Every method of the wrapped ports, by the names of the table. */
function methodsOf(wrapped: AzurePorts): readonly ((...args: unknown[]) => Promise<unknown>)[] {
  const { sealing, alerts: channels, dataKeyStore, health: _, ...others } = wrapped;
  const ports: Record<string, object | null | undefined> = {
    ...others,
    alerts: channels[0],
    dataKeyStore: dataKeyStore('records'),
    'sealing.signer': sealing?.signer,
    'sealing.anchors': sealing?.anchors,
  };
  return Object.entries(portEffects).flatMap(([port, methods]) =>
    Object.keys(methods).map((method) => Reflect.get(ports[port] ?? {}, method)),
  );
}

test('every method of every port goes through the edge, under its name and with what it does', async () => {
  const seen: string[] = [];
  const edge: Edge = async (call: Call) => {
    seen.push(`${call.port}.${call.method} ${call.kind} ${call.args}`);
    return undefined as never;
  };
  for (const method of methodsOf(withEdges(azure, edge))) await method('one', 'two');
  const table = Object.entries(portEffects).flatMap(([port, methods]) =>
    Object.entries(methods).map(([method, kind]) => `${port}.${method} ${kind} one,two`),
  );
  expect(seen).toEqual(table);
  expect(table.length).toBeGreaterThan(50);
});

test('what a port says of itself beside its methods stays', () => {
  const wrapped = withEdges(azure, (_, go) => go());
  expect(wrapped.alerts[0]?.name).toBe('fake');
  expect(wrapped.sealing?.every).toBe(100);
  expect(withEdges({ ...azure, sealing: null, vaultLog: null }, (_, go) => go())).toMatchObject({
    sealing: null,
    vaultLog: null,
  });
});

test('an edge can let a call do its work and lose the answer, and knows who called', async () => {
  const callers: (string | undefined)[] = [];
  const wrapped = withEdges(azure, async (_, go) => {
    callers.push(calling.getStore()?.name);
    await go();
    throw new Error('lost');
  });
  const lost = calling.run({ name: 'pauseAll', input: null }, () => wrapped.ledger.setStop('a reason'));
  await expect(lost).rejects.toThrow('lost');
  expect(await ledger.stopped()).toBe('a reason');
  expect(callers).toEqual(['pauseAll']);
});

test('the app is composed over ports with edges, on a clock that is handed in', async () => {
  const environment = {
    AzureWebJobsStorage: 'UseDevelopmentStorage=true',
    KEYTURN_ALERT_TOPIC_ENDPOINT: 'https://topic.westus2-1.eventgrid.azure.net/api/events',
  };
  const file = { keys: [{ key: 'https://kv-test.vault.azure.net/keys/kek', targets: [store] }] };
  const configuration = loadConfiguration(environment, () => JSON.stringify(file));
  const seen: string[] = [];
  const edge: Edge = (call, go) => {
    seen.push(`${call.port}.${call.method}`);
    return go();
  };
  const clock = { now: () => new Date('2030-01-01T00:00:00Z'), after: () => () => undefined };
  const { ports } = composeOver(configuration, withEdges(azure, edge), clock);
  await ports.managed(file.keys[0]?.key ?? '')?.targets[0]?.probe();
  expect(seen).toEqual(['dataKeyStore.page']);
  expect(ports.now().getFullYear()).toBe(2030);
});

const store = { kind: 'dataKeys', name: 'keys-1', table: 'DataKeys' };

test('what has an effect is listed by its name', () => {
  expect(everyEffect).toContain('resourceManager.put');
  expect(everyEffect).toContain('durableClient.startNew');
  expect(everyEffect).not.toContain('ledger.read');
});
