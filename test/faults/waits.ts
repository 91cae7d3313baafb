import type { Claim, LedgerChange } from '../../shared/rotation/ports';
import type { Call } from '../edges/with-edges';
import { kek } from '../simulation/cloud';
import type { Simulation } from '../simulation/simulation';
import type { World } from './schedule';

const minute = 60_000;
/** As the simulation's configuration has them, in milliseconds. */
const usual = { soak: 10 * minute, watch: 15 * minute };
const withLongCache = { soak: 25 * 60 * minute, watch: 25 * 60 * minute };
/** Clocks of two machines that are both right may differ by so much. */
const clocksDiffer = 5 * minute;

/** What had to be waited for was waited for, whatever the app's own clock showed: by the clock of the engine and of the services. */
export class Waits {
  readonly #simulation: Simulation;
  readonly #seen: string[];
  readonly #long: typeof usual;

  constructor(simulation: Simulation, { keyCache }: World, seen: string[]) {
    this.#simulation = simulation;
    this.#seen = seen;
    this.#long = keyCache === '24h' ? withLongCache : usual;
  }

  /** A call is about to leave the app. */
  look({ port, method, args }: Call): void {
    if (port === 'ledger' && method === 'update') this.#lookAtEnds(args[2] as LedgerChange);
    if (port === 'keyVault' && method === 'setEnabled' && args[1] === false) this.#lookAtGrace();
  }

  #lookAtEnds({ claim, putRetirement }: LedgerChange): void {
    const before = this.#simulation.cloud.ledger.look(kek);
    if (before.claim?.phase === 'soaking' && claim.phase === 'completed') this.#lookAtSoak(claim);
    const known = before.retirements.find(({ rotationId }) => rotationId === putRetirement?.rotationId);
    if (putRetirement?.status !== 'retired' || known?.status !== 'watching') return;
    this.#since(putRetirement.disabledAt, this.#long.watch, 'the watch of what was disabled');
  }

  #lookAtSoak({ soakStartedAt }: Claim): void {
    this.#since(soakStartedAt, this.#long.soak, 'the soak');
  }

  #since(from: string | null, milliseconds: number, what: string): void {
    const passed = this.#simulation.agenda.now - Date.parse(from ?? '');
    if (passed >= milliseconds) return;
    this.#seen.push(`${what} was over after ${Math.round(passed / 1000)} s of ${milliseconds / 1000}`);
  }

  #lookAtGrace(): void {
    const { claim, retirements } = this.#simulation.cloud.ledger.look(kek);
    const held = retirements.find(({ rotationId }) => rotationId === claim?.rotationId);
    if (claim?.purpose !== 'retirement' || held === undefined) return;
    if (Date.parse(held.dueAt) > this.#simulation.agenda.now + clocksDiffer) {
      this.#seen.push(`a version is disabled that was to be kept until ${held.dueAt}`);
    }
  }
}
