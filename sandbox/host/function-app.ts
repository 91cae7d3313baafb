import { randomUUID } from 'node:crypto';
import Module, { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { AppLoadError, entryPoints, readRoutePrefix } from './app-files';
import type { InFlight } from './in-flight';
import type { HostLog } from './log';
import type { AppFunction, Binding, Hook, ProgrammingModel, RpcData } from './rpc';

/** What is known about one invocation beside its trigger. */
export interface InvocationOptions {
  readonly instanceId?: string;
  /** Orchestrators throw as a matter of course; their errors are not logged as failures of an invocation. */
  readonly quiet?: boolean;
}

const supportedTriggers = new Set([
  'httptrigger',
  'eventgridtrigger',
  'timertrigger',
  'orchestrationtrigger',
  'activitytrigger',
]);

/**
 * A Functions app, loaded the way the Node worker does it: `@azure/functions` asks for `@azure/functions-core`, which
 * exists only inside a worker, so `require` is made to answer with this object's few members.
 */
export class FunctionApp {
  readonly functions = new Map<string, AppFunction>();
  readonly orchestrators = new Map<string, AppFunction>();
  readonly activities = new Map<string, AppFunction>();
  readonly routePrefix: string;
  private readonly directory: string;
  private readonly log: HostLog;
  private readonly inFlight: InFlight;
  private readonly hooks = new Map<string, Hook[]>();
  private readonly hookData: Record<string, unknown> = {};
  private model: ProgrammingModel | undefined;
  private locked = false;
  private clientBinding: () => string = () => '{}';

  /** @param directory holds the app's package.json and host.json */
  constructor(directory: string, log: HostLog, inFlight: InFlight) {
    this.directory = directory;
    this.log = log;
    this.inFlight = inFlight;
    this.routePrefix = readRoutePrefix(directory);
  }

  /** Sets what a `durableClient` input binding carries. */
  bindDurableClient(binding: () => string): void {
    this.clientBinding = binding;
  }

  /**
   * Loads every file `main` names, runs the app's start hooks and closes the registration.
   * @throws AppLoadError, or whatever the app threw
   */
  async load(): Promise<void> {
    this.injectCore();
    const require = createRequire(join(this.directory, 'package.json'));
    for (const file of entryPoints(this.directory)) {
      if (file.endsWith('.mjs')) await import(pathToFileURL(file).href);
      else require(file);
    }
    if (this.model === undefined) {
      throw new AppLoadError(
        `No function was registered with @azure/functions by ${entryPoints(this.directory).join(', ')}.`,
      );
    }
    await this.runHooks('appStart', {});
    this.locked = true;
    const capabilities = await this.model.getCapabilities({});
    if (capabilities['HttpUri'] !== undefined) {
      throw new AppLoadError('HTTP streaming (enableHttpStream) is not supported by this local host.');
    }
    const refused = [...this.functions.values()].filter((it) => !supportedTriggers.has(it.trigger.type.toLowerCase()));
    if (refused.length > 0) {
      const names = refused.map((it) => `${it.name} (${it.trigger.type})`).join(', ');
      throw new AppLoadError(`These functions have triggers that are not supported by this local host: ${names}.`);
    }
  }

  /** Runs the hooks an app may have for its end. */
  async terminate(): Promise<void> {
    await this.runHooks('appTerminate', {});
  }

  /**
   * Invokes a function.
   * @param trigger what its trigger binding carries; undefined arrives as `undefined`
   * @returns what it returned, as the worker would send it
   * @throws whatever the function threw
   */
  async invoke(
    name: string,
    trigger: RpcData | undefined,
    options: InvocationOptions = {},
  ): Promise<RpcData | null | undefined> {
    const target = this.functions.get(name);
    if (target === undefined || this.model === undefined) throw new Error(`There is no function '${name}'.`);
    const end = this.inFlight.begin();
    try {
      return await this.invokeTarget(target, this.model, trigger, options);
    } finally {
      end();
    }
  }

  private async invokeTarget(
    target: AppFunction,
    model: ProgrammingModel,
    trigger: RpcData | undefined,
    options: InvocationOptions,
  ): Promise<RpcData | null | undefined> {
    const invocationId = randomUUID();
    const about = { function: target.name, invocationId, instanceId: options.instanceId };
    const coreContext = {
      invocationId,
      metadata: target,
      request: {
        inputData: this.inputData(target, trigger),
        triggerMetadata: {},
        traceContext: {},
        retryContext: undefined,
      },
      log: (level: string, _category: string, message: string) => this.log.write({ level, message, ...about }),
      state: undefined as string | undefined,
    };
    const invocation = model.getInvocationModel(coreContext);
    const { context, inputs } = await invocation.getArguments();
    const shared = { hookData: {}, appHookData: this.hookData, invocationContext: context };
    const before = { ...shared, inputs, functionCallback: target.callback };
    coreContext.state = 'preInvocationHooks';
    await this.runHooks('preInvocation', before);
    coreContext.state = 'invocation';
    const after = { ...shared, inputs: before.inputs, result: undefined as unknown, error: undefined as unknown };
    try {
      after.result = await invocation.invokeFunction(context, before.inputs, before.functionCallback);
    } catch (error) {
      after.error = error ?? new Error(String(error));
    }
    coreContext.state = 'postInvocationHooks';
    await this.runHooks('postInvocation', after);
    if (after.error !== undefined) {
      if (options.quiet !== true) this.logFailure(after.error, about);
      throw after.error;
    }
    return (await invocation.getResponse(context, after.result)).returnValue;
  }

  private logFailure(
    error: unknown,
    about: { function: string; invocationId: string; instanceId?: string | undefined },
  ): void {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.log.write({ level: 'warning', message: `The function failed: ${message}`, ...about });
  }

  private inputData(target: AppFunction, trigger: RpcData | undefined): { name: string; data: RpcData | undefined }[] {
    const inputs = [{ name: target.trigger.name, data: trigger }];
    for (const binding of Object.values(target.bindings)) {
      if (binding.type === 'durableClient') inputs.push({ name: binding.name, data: { string: this.clientBinding() } });
    }
    return inputs;
  }

  private injectCore(): void {
    const core = {
      version: '4.0.0',
      setProgrammingModel: (model: ProgrammingModel) => {
        this.model = model;
      },
      registerFunction: (metadata: unknown, callback: AppFunction['callback']) => this.register(metadata, callback),
      registerHook: (name: string, hook: Hook) => this.registerHook(name, hook),
      log: (level: string, _category: string, message: string) => this.log.write({ level, message }),
    };
    const original = Module.prototype.require;
    Module.prototype.require = new Proxy(original, {
      apply: (target, self, args: [string]) =>
        args[0] === '@azure/functions-core' ? core : Reflect.apply(target, self, args),
    });
  }

  private register(metadata: unknown, callback: AppFunction['callback']): { dispose(): void } {
    if (this.locked) throw new Error('A function can only be registered while the app starts.');
    const { name, bindings } = metadata as { name: string; bindings: Record<string, Binding> };
    if (this.functions.has(name)) throw new AppLoadError(`A function named "${name}" is registered twice.`);
    const trigger = Object.values(bindings).find((binding) => /trigger$/i.test(binding.type));
    if (trigger === undefined) throw new AppLoadError(`The function "${name}" has no trigger.`);
    const registered: AppFunction = { name, bindings, trigger, callback };
    this.functions.set(name, registered);
    if (trigger.type === 'orchestrationTrigger') this.orchestrators.set(name, registered);
    if (trigger.type === 'activityTrigger') this.activities.set(name, registered);
    return { dispose: () => undefined };
  }

  private registerHook(name: string, hook: Hook): { dispose(): void } {
    const hooks = this.hooks.get(name) ?? [];
    hooks.push(hook);
    this.hooks.set(name, hooks);
    return { dispose: () => void hooks.splice(hooks.indexOf(hook) >>> 0, 1) };
  }

  private async runHooks(name: string, context: Record<string, unknown>): Promise<void> {
    for (const hook of this.hooks.get(name) ?? []) await hook(context);
  }
}
