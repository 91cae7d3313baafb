/**
 * The part of the Node worker's protocol that this host speaks: typed data, bindings, and the model with which
 * `@azure/functions` turns them into what a handler sees.
 */

/** The typed data of the worker protocol, as far as this host speaks it. */
export interface RpcData {
  readonly string?: string;
  readonly json?: string;
  readonly bytes?: Uint8Array;
  readonly int?: number;
  readonly double?: number;
  readonly http?: RpcHttp;
}

interface Nullable {
  readonly value: string;
}

export interface RpcHttp {
  readonly url?: string;
  readonly method?: string;
  readonly nullableHeaders?: Readonly<Record<string, Nullable>>;
  readonly nullableQuery?: Readonly<Record<string, Nullable>>;
  readonly nullableParams?: Readonly<Record<string, Nullable>>;
  readonly body?: RpcData | null;
  readonly statusCode?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cookies?: readonly RpcCookie[];
}

export interface RpcCookie {
  readonly name: string;
  readonly value: string;
  readonly domain?: Nullable | null;
  readonly path?: Nullable | null;
  readonly expires?: { readonly value: unknown } | null;
  readonly secure?: { readonly value: boolean } | null;
  readonly httpOnly?: { readonly value: boolean } | null;
  readonly sameSite?: string;
  readonly maxAge?: { readonly value: number } | null;
}

export interface Binding {
  readonly type: string;
  readonly direction: string;
  readonly name: string;
  readonly route?: string;
  readonly methods?: readonly string[];
  readonly authLevel?: string;
  readonly schedule?: string;
  readonly runOnStartup?: boolean;
}

export interface AppFunction {
  readonly name: string;
  readonly trigger: Binding;
  readonly bindings: Readonly<Record<string, Binding>>;
  readonly callback: (...args: unknown[]) => unknown;
}

export type Hook = (context: Record<string, unknown>) => unknown;

export interface InvocationModel {
  getArguments(): Promise<{ readonly context: unknown; readonly inputs: unknown[] }>;
  invokeFunction(context: unknown, inputs: unknown[], callback: unknown): Promise<unknown>;
  getResponse(context: unknown, result: unknown): Promise<{ readonly returnValue?: RpcData | null }>;
}

export interface ProgrammingModel {
  getInvocationModel(context: unknown): InvocationModel;
  getCapabilities(capabilities: Record<string, string>): Promise<Record<string, string>>;
}
