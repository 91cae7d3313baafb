import { Agent, request } from 'undici';
import type { Lives } from './lives';

/** What the host said; undefined if it died before it said anything, so that nobody knows whether it has done it. */
export type Said = { readonly status: number; readonly body: unknown } | undefined;

const most = 32;

/** Whoever can be asked what the durable management API offers. */
export interface Asked {
  /** @param path under the durable management API */
  ask(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Said>;
}

/** Asks a host that may die at any moment. */
export class Client implements Asked {
  private readonly lives: Lives;
  private readonly agent = new Agent({ connections: most, pipelining: 1 });

  constructor(lives: Lives) {
    this.lives = lives;
  }

  ask(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Said> {
    return this.send(method, () => `http://127.0.0.1:${this.lives.host.rpcPort}/durabletask/${path}`, body);
  }

  admin(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Said> {
    return this.send(method, () => `http://127.0.0.1:${this.lives.host.port}/admin/${path}`, body);
  }

  close(): Promise<void> {
    return this.agent.destroy();
  }

  private async send(method: 'GET' | 'POST', url: () => string, body: unknown): Promise<Said> {
    const life = await this.lives.alive();
    try {
      const answer = await request(url(), {
        method,
        dispatcher: this.agent,
        headers: { 'content-type': 'application/json' },
        body: body === undefined ? null : JSON.stringify(body),
      });
      const text = await answer.body.text();
      await this.lives.answered(life);
      return { status: answer.statusCode, body: text === '' ? undefined : JSON.parse(text) };
    } catch (error) {
      if (life.isLast) throw error;
      // Whoever is not answered has lost the host, and asks the next one.
      await life.over.promise;
      return undefined;
    }
  }
}
