import type { Noted } from './apps/meter';
import { type Benchmark, percentile } from './figures';
import { MeteredApp } from './metered-app';
import { covered, within } from './spans';

const rotations = 20;
const warmUp = 3;
const standIns = new Set(['vault', 'arm', 'dataPlane', 'token', 'alerts']);

interface Delay {
  readonly whole: number;
  readonly standIns: number;
  readonly storage: number;
}

/** What changes something in Azure: a key version made or changed, a resource written. */
function mutates(app: MeteredApp, request: Noted): boolean {
  if (request.direction !== 'out') return false;
  const place = app.placeOf(request);
  if (place === 'arm') return request.method === 'PUT' || request.method === 'PATCH';
  if (place !== 'vault') return false;
  return request.method === 'PATCH' || (request.method === 'POST' && /\/(create|rotate)$/.test(request.path));
}

function delayOf(app: MeteredApp, requests: readonly Noted[]): Delay {
  const delivered = requests.find(
    ({ direction, path }) => direction === 'in' && path === '/runtime/webhooks/eventgrid',
  );
  const first = requests.find((request) => mutates(app, request));
  if (delivered === undefined || first === undefined) throw new Error('no event was delivered, or nothing was changed');
  const window = { began: delivered.began, ended: first.began };
  const out = requests.filter(({ direction }) => direction === 'out');
  const waits = (isIt: (place: string) => boolean) =>
    covered(
      within(
        out.filter((it) => isIt(app.placeOf(it))),
        window,
      ),
    );
  return {
    whole: window.ended - window.began,
    standIns: waits((place) => standIns.has(place)),
    storage: waits((place) => place === 'storage'),
  };
}

export const eventToMutation: Benchmark = {
  name: 'event-to-mutation',
  title: 'from the near-expiry event at the app to its first change in Azure',
  async run(say) {
    // A short soak: what comes after the first mutation is not looked at here.
    const settings = { soak: 'PT5M', probeEvery: 'PT1M' };
    const app = await MeteredApp.start({ settings, targets: (targets) => targets.slice(0, 1) });
    const delays: Delay[] = [];
    try {
      for (let run = 0; run < warmUp + rotations; run++) {
        const { requests } = await app.rotate();
        if (run >= warmUp) delays.push(delayOf(app, requests));
        say(`rotation ${run + 1} of ${warmUp + rotations}`);
      }
    } finally {
      await app.stop();
    }
    const own = delays.map((delay) => delay.whole - delay.standIns);
    const whole = delays.map((delay) => delay.whole);
    return {
      about: `${rotations} rotations of one hub, one after the other, after ${warmUp} to warm up; own time is what is left when the time in which a stand-in was being waited for is taken out`,
      figures: [
        { name: 'own time, p95', value: percentile(own, 0.95), unit: 'ms', bar: { atMost: 250 } },
        { name: 'own time, median', value: percentile(own, 0.5), unit: 'ms' },
        {
          name: 'of which storage, median',
          value: percentile(
            delays.map(({ storage }) => storage),
            0.5,
          ),
          unit: 'ms',
        },
        { name: 'with the stand-ins, p95', value: percentile(whole, 0.95), unit: 'ms' },
        { name: 'with the stand-ins, median', value: percentile(whole, 0.5), unit: 'ms' },
      ],
    };
  },
};
