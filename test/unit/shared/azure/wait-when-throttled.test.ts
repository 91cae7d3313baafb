import { createHttpHeaders, createPipelineRequest, type HttpMethods } from '@azure/core-rest-pipeline';
import { waitWhenThrottledPolicy } from '../../../../shared/azure/wait-when-throttled';

interface Said {
  readonly status: number;
  readonly retryAfter?: string;
  readonly meanwhile?: () => void;
}

const throttled = (retryAfter: string): Said => ({ status: 429, retryAfter });

/** One client; `answers` are given in turn, the last one for ever. Time stands still but for the waits. */
function client(...answers: Said[]) {
  let now = 0;
  const sentAt: number[] = [];
  const waiting = Promise.withResolvers<void>();
  const policy = waitWhenThrottledPolicy({
    now: () => now,
    wait: async (milliseconds) => {
      const until = now + milliseconds;
      waiting.resolve();
      await new Promise((resolve) => setImmediate(resolve));
      now = Math.max(now, until);
    },
  });
  const send = async (method: HttpMethods = 'GET') => {
    const request = createPipelineRequest({ url: 'https://arm.test/x', method });
    const { status } = await policy.sendRequest(request, async () => {
      sentAt.push(now);
      const answer: Said = (answers.length > 1 ? answers.shift() : answers[0]) ?? { status: 599 };
      const { status: said, retryAfter, meanwhile } = answer;
      meanwhile?.();
      const headers = createHttpHeaders(retryAfter === undefined ? {} : { 'retry-after': retryAfter });
      return { request, status: said, headers };
    });
    return status;
  };
  return { send, sentAt, waiting: waiting.promise };
}

const ok: Said = { status: 200 };

describe('a read that is throttled', () => {
  test('for a moment waits as long as it was asked to, and is sent again', async () => {
    const { send, sentAt } = client(throttled('2'), throttled('1'), ok);
    expect(await send()).toBe(200);
    expect(sentAt).toEqual([0, 2000, 3000]);
  });

  test('holds back the reads that come after it, instead of letting each find out for itself', async () => {
    const { send, sentAt, waiting } = client(throttled('3'), ok);
    const first = send();
    await waiting;
    expect(await Promise.all([first, send(), send()])).toEqual([200, 200, 200]);
    expect(sentAt).toEqual([0, 3000, 3000, 3000]);
  });

  test('with leave to come back at once waits a second all the same', async () => {
    const { send, sentAt } = client(throttled('0'), ok);
    expect(await send()).toBe(200);
    expect(sentAt).toEqual([0, 1000]);
  });

  test.each([
    ['for a minute', throttled('60')],
    ['for a time that nobody says', { status: 429 }],
  ])('%s is not waited for here, and holds nobody back', async (_how, said) => {
    const { send, sentAt } = client(said, ok);
    expect(await send()).toBe(429);
    expect(await send()).toBe(200);
    expect(sentAt).toEqual([0, 0]);
  });

  test('again and again is given up within twenty seconds', async () => {
    const { send, sentAt } = client(throttled('3'));
    expect(await send()).toBe(429);
    expect(sentAt).toEqual([0, 3000, 6000, 9000, 12_000, 15_000, 18_000]);
  });

  test('is given up, too, when a later read was asked to wait for longer than this one can', async () => {
    let later: Promise<number> | undefined;
    const startLater = () => {
      later = send();
    };
    const threes = Array.from({ length: 6 }, () => throttled('3'));
    const at18 = [{ ...throttled('1'), meanwhile: startLater }, throttled('5')];
    const { send, sentAt } = client(...threes, ...at18, throttled('1'), ok);
    expect(await send()).toBe(429);
    expect(await later).toBe(200);
    expect(sentAt).toEqual([0, 3000, 6000, 9000, 12_000, 15_000, 18_000, 18_000, 19_000, 23_000]);
  });
});

test.each<HttpMethods>(['PUT', 'POST'])(
  'I11 a %s is never held back: what its fence said must still be true',
  async (method) => {
    const { send, sentAt } = client(throttled('2'), ok);
    expect(await send(method)).toBe(429);
    expect(await send(method)).toBe(200);
    expect(sentAt).toEqual([0, 0]);
  },
);
