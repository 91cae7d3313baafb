import Module from 'node:module';
import type { InvocationContext } from '@azure/functions';
import type { Keyturn } from '../../shared/composition';

/** A function as the app registers it with the Functions worker. */
export interface Registered {
  readonly name: string;
  readonly bindings: Readonly<Record<string, { readonly type: string }>>;
  readonly handler: (trigger: unknown, context: InvocationContext) => unknown;
}

let registering: Map<string, Registered> | null = null;
const disposable = { dispose: () => undefined };

/** What exists only inside a worker. */
const core = {
  version: '4.0.0',
  setProgrammingModel: () => undefined,
  registerHook: () => disposable,
  log: () => undefined,
  registerFunction: (metadata: Omit<Registered, 'handler'>, handler: Registered['handler']) => {
    registering?.set(metadata.name, { name: metadata.name, bindings: metadata.bindings, handler });
    return disposable;
  },
};

// Under jest modules are jest's, elsewhere Node's.
if (typeof jest === 'undefined') {
  Module.prototype.require = new Proxy(Module.prototype.require, {
    apply: (target, self, args: [string]) =>
      args[0] === '@azure/functions-core' ? core : Reflect.apply(target, self, args),
  });
} else jest.doMock('@azure/functions-core', () => core, { virtual: true });

/** Registers the whole app, as its entry file does, and answers every function by its name. */
export function registrationsOf(keyturn: Keyturn): ReadonlyMap<string, Registered> {
  const { registerTriggers } = require('../../functions/triggers') as typeof import('../../functions/triggers');
  const { registerActivities } = require('../../functions/activities') as typeof import('../../functions/activities');
  const all = new Map<string, Registered>();
  registering = all;
  try {
    registerTriggers(keyturn);
    registerActivities(() => keyturn.ports);
  } finally {
    registering = null;
  }
  return all;
}
