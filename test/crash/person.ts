import type { Answer, Request } from '../simulation/app-process';
import type { Simulation } from '../simulation/simulation';

const patienceMilliseconds = 30_000;
const mostTries = 6;

/** Whoever asks for something by hand. Without an answer he asks again; what he did beyond the run's own steps is kept. */
export class Person {
  /** In the order in which he had to. */
  readonly did: string[] = [];
  readonly #simulation: Simulation;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  /** @throws Error when it is refused, or not answered however often it is asked */
  async ask(route: string, request: Request = {}, who = 'ann'): Promise<Answer> {
    for (let tries = 1; tries <= mostTries; tries++) {
      const answer = await this.#simulation.ask(route, request, who);
      if (answer.status > 0 && answer.status < 300) return answer;
      // The first try was heard, and only its answer lost: what it asked for is under way, or done.
      if (answer.status === 409 && tries > 1) return answer;
      if (answer.status > 0 && answer.status < 500)
        throw new Error(`${route}: ${answer.status} ${JSON.stringify(answer.body)}`);
      this.did.push(`${nameOf(route)} again`);
      await this.#pause();
    }
    throw new Error(`${route} was not answered.`);
  }

  /** Starts a run by hand, under an Idempotency-Key. @returns its id */
  async start(body: Readonly<Record<string, unknown>>, who = 'ann'): Promise<string> {
    const headers = { 'idempotency-key': `by-${who}-${JSON.stringify(body).length}` };
    const { body: told } = await this.ask('startRotation', { body: { reason: 'by hand', ...body }, headers }, who);
    return String(told['rotationId']);
  }

  /** A command to a run, once the run takes it. */
  async command(name: string, id: string, body?: unknown, who = 'ann'): Promise<void> {
    await this.ask(`${name}Rotation`, { params: { id }, ...(body === undefined ? {} : { body }) }, who);
  }

  async #pause(): Promise<void> {
    const until = this.#simulation.agenda.now + patienceMilliseconds;
    this.#simulation.agenda.at(until, () => undefined);
    await this.#simulation.runUntil(() => this.#simulation.agenda.now >= until);
  }
}

const nameOf = (route: string): string => route.replace(/Rotation$/, '');
