import type { HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions';
import { type Admittance, addressOf, admit, type Header } from '../../shared/access/caller';
import { rateLimit } from '../../shared/access/rate-limit';
import type { Keyturn } from '../../shared/composition';
import type { Caller, Role } from '../../shared/contracts/access';
import { longestBody } from '../../shared/contracts/http';
import { answering, bodyTooLong, ProblemError } from './problem';

/** What a request needs before anything of it is looked at. */
export interface Needs {
  /** Null: open to all, and so it must name no key. */
  readonly role: Role | null;
  /** How much it counts against the caller's allowance: 1 unless it reads a whole history. */
  readonly weight?: number;
}

/** Generous for people and for a page that looks every second; a loop that has gone wrong meets it. */
const allowance = { perSecond: 50, atOnce: 500 };

/** Every HTTP route goes through one of these: limits first, then who asks and what he may. What it throws is answered as a problem. */
export type Guarded = (
  needs: Needs,
  request: HttpRequest,
  context: InvocationContext,
  route: (caller: Caller) => Promise<HttpResponseInit>,
) => Promise<HttpResponseInit>;

export function guardOf(keyturn: Pick<Keyturn, 'access' | 'ports'>): Guarded {
  const waitOf = rateLimit(allowance);
  return ({ role, weight = 1 }, request, context, route) =>
    answering(context, async () => {
      refuseTooLong(request);
      const header: Header = (name) => request.headers.get(name);
      const stranger = { ...anybody, from: addressOf(header) };
      const count = (caller: Caller) => refuseTooMany(waitOf(nameOf(caller), weight, keyturn.ports.now()));
      const admittance: Admittance =
        role === null ? { admitted: true, caller: stranger } : admit(header, keyturn.access, role);
      // Who is refused is counted too, by where he asks from: to guess without end is no more allowed than to ask.
      count(admittance.admitted ? admittance.caller : stranger);
      if (!admittance.admitted) throw refusalOf(admittance, role);
      return route(admittance.caller);
    });
}

/** Whoever is not known by an id is told from others by his address, if the platform says it. */
const nameOf = ({ principalId, from, actor }: Caller): string => principalId ?? from ?? actor;

const anybody: Caller = { actor: 'anybody', principalId: null, grantedBy: null, from: null };

function refusalOf({ why, who }: Admittance & { admitted: false }, role: Role | null): ProblemError {
  if (why === 'unknown') {
    return new ProblemError(401, 'Not signed in', "Sign in through the platform's authentication, then ask again.");
  }
  const detail = `${who} has not the role "${role}". Whoever looks after rotation.json grants it there, under "access".`;
  return new ProblemError(403, 'Not allowed', detail);
}

function refuseTooLong(request: HttpRequest): void {
  const declared = Number(request.headers.get('content-length') ?? 0);
  if (declared > longestBody) throw bodyTooLong();
}

function refuseTooMany(seconds: number): void {
  if (seconds <= 0) return;
  const detail = `At most ${allowance.perSecond} requests a second are answered, ${allowance.atOnce} at once. Ask again later.`;
  throw new ProblemError(429, 'Too many requests', detail, {}, { 'retry-after': String(Math.ceil(seconds)) });
}
