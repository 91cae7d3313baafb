import type { Noted } from './apps/meter';
import type { Benchmark, Figure } from './figures';
import { MeteredApp, type Observed } from './metered-app';
import { covered, type Span, within } from './spans';

const standIns = new Set(['vault', 'arm', 'dataPlane', 'token', 'alerts']);

export const oneRotation: Benchmark = {
  name: 'one-rotation',
  title: 'one rotation of a hub, a DPS and 100 data keys with the soak of the preset (24 h, a probe every 30 min)',
  async run(say) {
    const app = await MeteredApp.start({});
    try {
      const before = (await app.operations()).length;
      const observed = await app.rotate();
      say('the rotation has completed');
      const operations = (await app.operations()).slice(before);
      return {
        about: 'hub, DPS and 100 data keys; 48 rounds of probes, the clock jumping over the time between',
        figures: [...times(app, observed), ...calls(app, observed.requests), ...vaultLog(operations)],
      };
    } finally {
      await app.stop();
    }
  },
};

/** From the event's delivery to the last answer the app waited for. Stand-ins first: a moment is counted once. */
function times(app: MeteredApp, { requests, cpuMilliseconds }: Observed): Figure[] {
  const delivered = requests.find(
    ({ direction, path }) => direction === 'in' && path === '/runtime/webhooks/eventgrid',
  );
  const out = requests.filter((it) => it.direction === 'out' && app.placeOf(it) !== 'elsewhere');
  const began = delivered?.began ?? Number.NaN;
  const window: Span = { began, ended: Math.max(...out.map(({ ended }) => ended ?? began)) };
  const atStandIns = within(
    out.filter((it) => standIns.has(app.placeOf(it))),
    window,
  );
  const atStorage = within(
    out.filter((it) => app.placeOf(it) === 'storage'),
    window,
  );
  const wall = window.ended - window.began;
  const standInTime = covered(atStandIns);
  const storageTime = covered([...atStandIns, ...atStorage]) - standInTime;
  return [
    { name: 'wall time', value: wall, unit: 'ms' },
    { name: '  waiting for stand-ins', value: standInTime, unit: 'ms' },
    { name: '  waiting for storage alone', value: storageTime, unit: 'ms' },
    { name: '  the rest: own work, and clock jumps', value: wall - standInTime - storageTime, unit: 'ms' },
    { name: 'CPU of host and app', value: cpuMilliseconds, unit: 'ms' },
  ];
}

/** What the app asked of whom. A Key Vault client's first request is only challenged (401): no operation. */
function calls(app: MeteredApp, requests: readonly Noted[]): Figure[] {
  const counts = new Map<string, number>();
  const count = (name: string) => counts.set(name, (counts.get(name) ?? 0) + 1);
  for (const request of requests) {
    if (request.direction !== 'out' || request.status === 401) continue;
    switch (app.placeOf(request)) {
      case 'storage':
        count('storage transactions');
        count(`  storage ${request.path.endsWith('$batch') ? 'batch' : request.method}`);
        break;
      case 'vault':
        count('vault operations of the app');
        break;
      case 'arm':
        count('ARM calls');
        count(`  ARM ${request.method}`);
        break;
      case 'dataPlane':
        count('reads of old data');
        break;
      case 'token':
        count('tokens');
        break;
      case 'alerts':
        count('alerts');
        break;
      default:
        break;
    }
  }
  // A part stands below its whole.
  const order = (name: string) => (name.startsWith(' ') ? `${name.trim().split(' ')[0]} z${name}` : name);
  return [...counts]
    .toSorted(([a], [b]) => order(a).localeCompare(order(b)))
    .map(([name, value]) => ({ name, value, unit: '' }));
}

function vaultLog(operations: readonly { readonly operationName: string; readonly identity?: string }[]): Figure[] {
  const counts = new Map<string, number>();
  for (const { operationName, identity } of operations) {
    const name = `  vault log: ${identity ?? 'nobody'} ${operationName}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].toSorted().map(([name, value]) => ({ name, value, unit: '' }));
}
