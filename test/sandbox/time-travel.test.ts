import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type HostClockPort, type HostClockState, hostClockOver, TimeTravel } from '../../sandbox/cloud/time-travel';
import { InFlight, SandboxClock } from '../../sandbox/kit';

const HOUR = 3_600_000;
let directory: string;
let flight: InFlight;
let clock: SandboxClock;
let travel: TimeTravel;
let state: HostClockState;
let pushed: number[];
/** What happens in the host while it is being asked; called with the number of the question. */
let meanwhile: (question: number) => void;
let host: HostClockPort;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keyturn-travel-'));
  flight = new InFlight();
  clock = new SandboxClock(join(directory, 'clock.json'), flight);
  travel = new TimeTravel(clock, flight);
  state = { offsetMilliseconds: 0, inFlight: 0, sequence: 1, nextDue: undefined, waitsForPerson: false };
  pushed = [];
  meanwhile = () => undefined;
  let questions = 0;
  host = {
    read: async () => {
      const answer = { ...state };
      questions += 1;
      meanwhile(questions);
      return answer;
    },
    push: async (offsetMilliseconds) => {
      pushed.push(offsetMilliseconds);
      state.offsetMilliseconds = offsetMilliseconds;
    },
  };
});

afterEach(() => {
  travel.stop();
  clock.stop();
  rmSync(directory, { recursive: true, force: true });
});

const jumped = () => clock.offsetMilliseconds > 0;

test('jumps to the next timer of the host, its own clock first, and tells the host the same offset', async () => {
  state.nextDue = clock.nowMilliseconds() + HOUR;
  let ownWhenPushed = 0;
  const push = host.push;
  host.push = async (offset) => {
    ownWhenPushed = clock.offsetMilliseconds;
    await push(offset);
  };
  await travel.step(host);
  expect(clock.nowMilliseconds()).toBeGreaterThanOrEqual(state.nextDue);
  expect(clock.offsetMilliseconds).toBeLessThanOrEqual(HOUR);
  expect(pushed).toEqual([ownWhenPushed]);
  expect(pushed).toEqual([clock.offsetMilliseconds]);
});

test('jumps to the earlier of the host’s and its own next', async () => {
  const order: string[] = [];
  const now = clock.nowMilliseconds();
  state.nextDue = now + 2 * HOUR;
  clock.schedule(now + HOUR, true, () => void order.push('own'));
  await travel.step(host);
  expect(order).toEqual(['own']);
  expect(clock.nowMilliseconds()).toBeLessThan(now + 2 * HOUR);
});

test('does not jump to what may not pull the clock', async () => {
  clock.schedule(clock.nowMilliseconds() + HOUR, false, () => undefined);
  await travel.step(host);
  expect(jumped()).toBe(false);
});

test.each([
  [
    'the host has work in flight',
    () => {
      state.inFlight = 1;
    },
  ],
  ['a request is in flight here', () => void flight.enter()],
  [
    'something begins and ends in the host between two looks',
    () => {
      meanwhile = () => {
        state.sequence += 2;
      };
    },
  ],
  [
    'something begins in the host between two looks',
    () => {
      meanwhile = () => {
        state.inFlight = 1;
      };
    },
  ],
  [
    'somebody has to approve or resume a rotation',
    () => {
      state.waitsForPerson = true;
    },
  ],
  [
    'a rotation begins to wait for somebody between two looks',
    () => {
      meanwhile = () => {
        state.waitsForPerson = true;
      };
    },
  ],
  [
    'something begins and ends here meanwhile',
    () => {
      meanwhile = () => flight.enter()();
    },
  ],
  [
    'something begins here during the second look',
    () => {
      meanwhile = (question) => {
        if (question === 2) flight.enter();
      };
    },
  ],
] as [string, () => void][])('does not jump while %s', async (_, arrange) => {
  state.nextDue = clock.nowMilliseconds() + HOUR;
  arrange();
  await travel.step(host);
  expect(jumped()).toBe(false);
});

test('does not jump when nothing is due, or what is due will be there in a moment by itself', async () => {
  await travel.step(host);
  state.nextDue = clock.nowMilliseconds() - 1;
  await travel.step(host);
  expect(jumped()).toBe(false);
});

test('a host that was restarted before it knew the time is told it, and nothing jumps in that look', async () => {
  clock.advanceTo(clock.nowMilliseconds() + HOUR);
  const offset = clock.offsetMilliseconds;
  state.nextDue = clock.nowMilliseconds() + HOUR;
  await travel.step(host);
  expect(pushed).toEqual([offset]);
  expect(clock.offsetMilliseconds).toBe(offset);
});

test('time does not go back behind a host that is ahead', async () => {
  state.offsetMilliseconds = HOUR;
  await travel.step(host);
  expect(clock.offsetMilliseconds).toBeGreaterThanOrEqual(HOUR - 1);
});

describe('over HTTP', () => {
  let server: Server;
  let url: string;
  let customStatuses: unknown[];

  beforeEach(async () => {
    customStatuses = [];
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => {
        if (request.url !== '/admin/clock') response.writeHead(404);
        else if (request.method === 'POST')
          void host.push((JSON.parse(body) as { offsetMilliseconds: number }).offsetMilliseconds);
        const { nextDue: due, waitsForPerson: _, ...rest } = state;
        const nextDue = due === undefined ? null : new Date(due).toISOString();
        response.end(JSON.stringify({ ...rest, nextDue, customStatuses }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterEach(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });

  test('is reached at /admin/clock, and timers come one after the other until none is left', async () => {
    const start = clock.nowMilliseconds();
    state.nextDue = start + HOUR;
    const arrived = new Promise<void>((resolve) => {
      clock.onAdvance(() => {
        state.nextDue = clock.nowMilliseconds() < start + 3 * HOUR ? clock.nowMilliseconds() + HOUR : undefined;
        if (state.nextDue === undefined) resolve();
      });
    });
    travel.start(hostClockOver(url));
    await arrived;
    expect(travel.state()).toMatchObject({ on: true, jumps: 3 });
    travel.stop();
    expect(travel.state().on).toBe(false);
  });

  test.each([
    [[], false],
    [[null, 'any', { phase: 'soaking', waitingFor: null }, { waitingFor: 'fault' }, { waitingFor: 'window' }], false],
    [[null, { phase: 'planning', waitingFor: 'approval' }], true],
    [
      [
        { phase: 'soaking', waitingFor: null },
        { phase: 'rewrapping', waitingFor: 'pause' },
      ],
      true,
    ],
  ])('an orchestration says for itself whether it waits for a person: %j', async (said, waits) => {
    customStatuses = said;
    expect(await hostClockOver(url).read()).toMatchObject({ waitsForPerson: waits, nextDue: undefined });
  });

  test('a host that cannot be reached holds the clock still and is named as the trouble', async () => {
    await expect(travel.step(hostClockOver(`${url}/nowhere`))).rejects.toThrow('404');
    clock.schedule(clock.nowMilliseconds() + HOUR, true, () => undefined);
    await expect(travel.step(hostClockOver('http://127.0.0.1:1'))).rejects.toThrow();
    expect(jumped()).toBe(false);
  });
});
