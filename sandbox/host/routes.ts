import { AppLoadError } from './app-files';
import type { AppFunction } from './rpc';

/** A function whose route fits a request. */
export interface RouteMatch {
  readonly target: AppFunction;
  readonly params: Readonly<Record<string, string>>;
}

type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  | {
      readonly kind: 'param';
      readonly name: string;
      readonly optional: boolean;
      readonly constraints: readonly RegExp[];
    }
  | { readonly kind: 'rest'; readonly name: string };

interface Route {
  readonly target: AppFunction;
  readonly segments: readonly Segment[];
  readonly methods: ReadonlySet<string>;
}

const constraints: Readonly<Record<string, RegExp>> = {
  alpha: /^[a-z]+$/i,
  bool: /^(true|false)$/i,
  guid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  int: /^-?\d{1,10}$/,
  long: /^-?\d{1,19}$/,
};

const weights = { literal: 0, param: 1, rest: 2 } as const;

/** The HTTP triggers' routes: a literal segment wins over a parameter, a parameter over a catch-all. */
export class RouteTable {
  private readonly routes: Route[];

  /** @throws AppLoadError if a template uses what this host does not know */
  constructor(functions: Iterable<AppFunction>, prefix: string) {
    this.routes = [...functions]
      .filter((it) => it.trigger.type === 'httpTrigger')
      .map((it) => toRoute(it, prefix))
      .toSorted((a, b) => compare(a.segments, b.segments));
  }

  /** @param path as it stands in the request line, still encoded. A route with another method is no route: 404. */
  find(method: string, path: string): RouteMatch | undefined {
    const parts = path.split('/').filter((part) => part !== '');
    for (const route of this.routes) {
      if (!route.methods.has(method)) continue;
      const params = match(route.segments, parts);
      if (params !== undefined) return { target: route.target, params };
    }
    return undefined;
  }
}

function toRoute(target: AppFunction, prefix: string): Route {
  const template = target.trigger.route ?? target.name;
  const methods = new Set((target.trigger.methods ?? ['GET', 'POST']).map((method) => method.toUpperCase()));
  const segments = [...prefix.split('/'), ...template.split('/')].filter((text) => text !== '');
  return { target, methods, segments: segments.map((text) => toSegment(text, target.name)) };
}

function toSegment(text: string, functionName: string): Segment {
  const inner = /^\{([^{}]+)\}$/.exec(text)?.[1];
  if (inner === undefined) {
    if (/[{}]/.test(text)) throw unsupported(text, functionName);
    return { kind: 'literal', text: text.toLowerCase() };
  }
  if (inner.startsWith('*')) return { kind: 'rest', name: inner.replace(/^\*+/, '') };
  const optional = inner.endsWith('?');
  const [name = '', ...kinds] = (optional ? inner.slice(0, -1) : inner).split(':');
  const checks = kinds.map((kind) => {
    const constraint = constraints[kind];
    if (constraint === undefined) throw unsupported(text, functionName);
    return constraint;
  });
  return { kind: 'param', name, optional, constraints: checks };
}

const unsupported = (text: string, functionName: string): AppLoadError =>
  new AppLoadError(`The route of "${functionName}" uses "${text}", which is not supported by this local host.`);

function compare(a: readonly Segment[], b: readonly Segment[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const order = weight(a[index]) - weight(b[index]);
    if (order !== 0) return order;
  }
  return 0;
}

function weight(segment: Segment | undefined): number {
  if (segment === undefined) return -1;
  return weights[segment.kind] + (segment.kind === 'param' && segment.constraints.length === 0 ? 0.5 : 0);
}

function match(segments: readonly Segment[], parts: readonly string[]): Record<string, string> | undefined {
  const params: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    if (segment.kind === 'rest') {
      params[segment.name] = parts.slice(index).map(decode).join('/');
      return params;
    }
    const part = parts[index];
    if (part === undefined) {
      if (segment.kind === 'param' && segment.optional) return params;
      return undefined;
    }
    const value = decode(part);
    if (segment.kind === 'literal') {
      if (value.toLowerCase() !== segment.text) return undefined;
    } else {
      if (!segment.constraints.every((constraint) => constraint.test(value))) return undefined;
      params[segment.name] = value;
    }
  }
  return parts.length > segments.length ? undefined : params;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
