import type { Sandbox } from './bring-up';
import type { Rotation } from './contract';
import { names } from './seed';

/** Where a person can go on looking, and what he can try. */
export interface Playground {
  readonly app: string;
  /** Unversioned identifier of the KEK. */
  readonly key: string;
  readonly endpoints: string;
  readonly logs: string;
  readonly ca: string;
  readonly token: string;
  /** Address of the hub's data plane. */
  readonly hub: string;
  readonly control: string;
  readonly eventGrid: string;
  /** The sandbox's time. */
  readonly now: Date;
  /** Whether every rotation waits for an approval here. */
  readonly approval: boolean;
  /** Whether the key is only observed. */
  readonly observed: boolean;
  /** Whether people sign in here, and roles decide. */
  readonly signIn: boolean;
}

/** More than a rotation and the grace period after it take. */
const DAYS_AHEAD = 10;

/** What a sandbox that stays up offers once its scenario is over. */
export function playgroundOf(
  sandbox: Sandbox,
  more: Pick<Playground, 'endpoints' | 'logs' | 'now' | 'approval' | 'observed' | 'signIn'>,
) {
  const { cloud, host, key } = sandbox;
  const { ca, token, control, eventGrid } = cloud;
  return { app: host.url, key, ca, token, hub: cloud.hubs[names.hub] ?? '', control, eventGrid, ...more };
}

/** Addresses, and commands that work as they stand, in the order in which they make a story. */
export function whatToTry(where: Playground, rotation: Rotation | null): string[] {
  return ['Where to look', ...lined(look(where, rotation)), '', 'What to try', ...lined(attempts(where, rotation)), ''];
}

type Entry = readonly [title: string, text: string];

function look(where: Playground, rotation: Rotation | null): Entry[] {
  const { app, ca, hub, token } = where;
  const as = asking(where, 'rhea');
  const query = `key=${encodeURIComponent(where.key)}`;
  const bearer = `$(curl -s --cacert ${ca} '${token}?identity=reader&resource=https://iothubs.azure.net' | ${member('access_token')})`;
  return [
    ['all addresses', where.endpoints],
    ['logs', where.logs],
    ...(where.signIn ? ([['first, to sign in', signingIn(where)]] as const) : []),
    ['every key', `${as} '${app}/api/keys'`],
    ...(rotation === null
      ? []
      : ([
          ['the rotation', `${as} '${app}/api/rotations/${rotation.rotationId}'`],
          ['its history', `${as} '${app}/api/rotations/${rotation.rotationId}/audit'`],
        ] as const)),
    ['verify history', `${as} '${app}/api/audit/verify?${query}'`],
    ['the alerts', `curl -s '${where.eventGrid}/alerts'`],
    [
      'an old twin',
      `curl -s --cacert ${ca} -H "authorization: Bearer ${bearer}" '${hub}/twins/device-0001?api-version=2021-04-12'`,
    ],
  ];
}

function attempts(where: Playground, rotation: Rotation | null): Entry[] {
  const { app, key, control } = where;
  const as = asking(where, 'olivia');
  const newest = `$(${as} '${app}/api/rotations?limit=1' | ${member('rotationId')})`;
  const order = (name: string, body = '') =>
    `${name === 'approve' ? asking(where, 'avery') : as} -X POST "${app}/api/rotations/${newest}/${name}"${body}`;
  const start = (more: object) => post(`${app}/api/rotations`, { key, reason: 'I asked for it', ...more }, as);
  const hash = `$(${as} '${app}/api/rotations?limit=1' | ${member('planHash')})`;
  const approve = order('approve', ` -H 'content-type: application/json' -d "{\\"planHash\\":\\"${hash}\\"}"`);
  const days = new Date(where.now.getTime() + DAYS_AHEAD * 86_400_000);
  const fault = { standIn: 'arm', principal: 'keyturn', operation: 'putHub', times: 5 };
  const stuck = rotation?.phase === 'needs-attention';
  return [
    ...(stuck ? ([['go on with it', order('resume')]] as const) : []),
    ['see a plan', start({ dryRun: true })],
    ['the hub is away', post(`${control}/faults`, { ...fault, effect: { kind: 'status', status: 503 } })],
    ['no faults any more', `curl -s -X DELETE '${control}/faults'`],
    ...(where.observed || stuck ? [] : ([['rotate again', start({})]] as const)),
    ...(where.approval ? ([['approve it', approve]] as const) : []),
    ...(where.observed ? [] : ([['once completed, back', order('rollback')]] as const)),
    [`${DAYS_AHEAD} days pass`, post(`${control}/clock`, { advanceTo: days.toISOString() })],
    ['sweep (and retire)', `curl -s -X POST '${app}/admin/functions/sweep'`],
  ];
}

/** Where people sign in: a function of the shell that gets a token for one of them. */
function signingIn({ ca, token }: Playground): string {
  return `token() { curl -s --cacert ${ca} "${token}?identity=$1&resource=api://keyturn" | ${member('access_token')}; }`;
}

/** rhea may read, olivia operate, avery approve. */
const asking = ({ signIn }: Playground, name: string): string =>
  signIn ? `curl -s -H "authorization: Bearer $(token ${name})"` : 'curl -s';

function post(url: string, body: object, curl = 'curl -s'): string {
  return `${curl} -X POST '${url}' -H 'content-type: application/json' -d '${JSON.stringify(body)}'`;
}

/** Takes one member out of a JSON text, with what every shell has. */
function member(name: string): string {
  return `sed 's/.*"${name}":"\\([^"]*\\)".*/\\1/'`;
}

function lined(entries: readonly Entry[]): string[] {
  const width = Math.max(...entries.map(([title]) => title.length));
  return entries.map(([title, text]) => `  ${title.padEnd(width)}   ${text}`);
}
