import { AsyncLocalStorage } from 'node:async_hooks';
import type { AzurePorts } from '../../shared/azure';
import { type Kind, type PortName, type Ports, portEffects } from './port-effects';

/** One call of one method of one port. */
export interface Call {
  readonly port: PortName | 'durableClient';
  readonly method: string;
  readonly kind: Kind;
  readonly args: readonly unknown[];
}

/**
 * Everything that crosses the edge of the app goes through here. `go` makes the call: an edge may do something before it and after it, answer
 * in its place, throw, or never come back.
 */
export type Edge = <T>(call: Call, go: () => Promise<T>) => Promise<T>;

/** The activity or trigger that is running, for an edge that wants to know who called; whoever runs functions sets it. */
export interface Caller {
  /** Name of the function, as it is registered. */
  readonly name: string;
  readonly input: unknown;
}

export const calling = new AsyncLocalStorage<Caller>();

/** The same ports, each call of each method through `edge`. */
export function withEdges(azure: AzurePorts, edge: Edge): AzurePorts {
  const { sealing, vaultLog } = azure;
  return {
    keyVault: wrap('keyVault', azure.keyVault, edge),
    resourceManager: wrap('resourceManager', azure.resourceManager, edge),
    dataPlane: wrap('dataPlane', azure.dataPlane, edge),
    dataKeyStore: (table: string) => wrap('dataKeyStore', azure.dataKeyStore(table), edge),
    ledger: wrap('ledger', azure.ledger, edge),
    auditLog: wrap('auditLog', azure.auditLog, edge),
    history: wrap('history', azure.history, edge),
    watch: wrap('watch', azure.watch, edge),
    plans: wrap('plans', azure.plans, edge),
    alerts: azure.alerts.map((channel) => wrap('alerts', channel, edge)),
    outbox: wrap('outbox', azure.outbox, edge),
    vaultLog: vaultLog && wrap('vaultLog', vaultLog, edge),
    sealing: sealing && {
      every: sealing.every,
      signer: wrap('sealing.signer', sealing.signer, edge),
      anchors: wrap('sealing.anchors', sealing.anchors, edge),
    },
    budgets: wrap('budgets', azure.budgets, edge),
    health: () => azure.health(),
  };
}

function wrap<P extends PortName>(port: P, target: Ports[P], edge: Edge): Ports[P] {
  const methods = Object.entries(portEffects[port] as Readonly<Record<string, Kind>>).map(([method, kind]) => {
    const call = (target as unknown as Readonly<Record<string, (...args: unknown[]) => Promise<unknown>>>)[method];
    if (call === undefined) throw new Error(`The port ${port} has no ${method}.`);
    const through = (...args: unknown[]) =>
      edge({ port, method, kind, args }, async () => Reflect.apply(call, target, args));
    return [method, through];
  });
  return { ...target, ...Object.fromEntries(methods) };
}
