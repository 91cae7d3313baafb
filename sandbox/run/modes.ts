import type { ServiceModes } from '../arm/modes';
import type { CloudSeed } from '../cloud/seed';
import type { Expectation } from './stage';

/** One reading of what nobody outside Azure knows, asked for by `--mode`. */
export interface ChosenMode {
  /** Null: of hub and DPS alike. */
  readonly service: 'hub' | 'dps' | null;
  readonly name: keyof ServiceModes;
  readonly value: string | number | boolean;
}

/** Readings of each mode, the default first; a number where any will do. */
const readings: Readonly<Record<keyof ServiceModes, readonly (string | boolean)[] | 'number'>> = {
  sasKeys: ['wiped', 'kept'],
  maskedSecrets: ['written', 'kept'],
  echoEncryption: [true, false],
  otherVersionPut: ['drops', 'keeps'],
  ifMatch: ['required', 'optional'],
  wrapFailsAt: ['later', 'operation', 'put'],
  keyCache: ['24h', '5m'],
  unversionedFollowed: ['after-a-day', 'at-once', 'never'],
  vaultUnreachable: ['fails', 'waits'],
  afterFailure: ['Failed', 'Succeeded'],
  staleReads: 'number',
  operationSeconds: 'number',
};

/** Every mode with its readings, a line each, for a usage text. */
export function modeLines(): string[] {
  return Object.entries(readings).map(
    ([name, values]) => `${name}=${values === 'number' ? '<number>' : values.join('|')}`,
  );
}

/**
 * Reads `<mode>=<reading>`, with `hub.` or `dps.` before it for one of the two.
 *
 * @returns a sentence that says what is wrong, if something is
 */
export function parseMode(text: string): ChosenMode | string {
  const [, prefix, name = '', written = ''] = /^(?:(hub|dps)\.)?(\w+)=(.*)$/.exec(text) ?? [];
  const known = Object.hasOwn(readings, name) ? readings[name as keyof ServiceModes] : undefined;
  if (known === undefined) return `does not know the mode ${JSON.stringify(text)}; one of ${modeLines().join(', ')}`;
  const service = (prefix as 'hub' | 'dps' | undefined) ?? null;
  const value = known === 'number' ? numberOf(written) : known.find((reading) => String(reading) === written);
  if (value === undefined) {
    return `${name} does not know ${JSON.stringify(written)}; ${known === 'number' ? 'a whole number' : `one of ${known.join(', ')}`}`;
  }
  return { service, name: name as keyof ServiceModes, value };
}

/** The seed with every hub and DPS that is meant reading Azure's silence so. */
export function withModes(seed: CloudSeed, chosen: readonly ChosenMode[]): CloudSeed {
  const modesOf = (service: 'hub' | 'dps'): Partial<ServiceModes> =>
    Object.fromEntries(
      chosen.filter((mode) => (mode.service ?? service) === service).map(({ name, value }) => [name, value]),
    );
  return {
    ...seed,
    hubs: seed.hubs.map((hub) => ({ ...hub, modes: { ...hub.modes, ...modesOf('hub') } })),
    provisioningServices: seed.provisioningServices.map((dps) => ({
      ...dps,
      modes: { ...dps.modes, ...modesOf('dps') },
    })),
  };
}

/** As the summary names them: every claim of a run holds under these readings. */
export function modesText(chosen: readonly ChosenMode[]): string {
  if (chosen.length === 0) return 'every one at its default, the most hostile under which a rotation can succeed';
  const asked = chosen.map(({ service, name, value }) => `${service === null ? '' : `${service}.`}${name}=${value}`);
  return `${asked.join(', ')}; all others at their default`;
}

/**
 * How a scenario must end under these readings. Where a service hides its encryption block no plan can be made: whatever the
 * scenario brings about, the rotation is refused and nothing is changed.
 */
export function expectationUnder(chosen: readonly ChosenMode[], written: Expectation): Expectation {
  const hidden = { hub: hides(chosen, 'hub'), dps: hides(chosen, 'dps') };
  if (!hidden.hub && !hidden.dps) return written;
  const seen = (isHidden: boolean) => (isHidden ? 'no single one' : 'previous');
  const standsOn = { iotHub: seen(hidden.hub), dps: seen(hidden.dps), dataKeys: 'previous' } as const;
  // One that was asked for by hand has its answer. The sweep finds it too, if its turn comes before the scenario has ended.
  return { phase: 'refused', standsOn, alert: null, alsoAllowed: ['Keyturn.Rotation.Refused', 'Keyturn.Key.Findings'] };
}

function hides(chosen: readonly ChosenMode[], service: 'hub' | 'dps'): boolean {
  const last = chosen.findLast((mode) => mode.name === 'echoEncryption' && (mode.service ?? service) === service);
  return last?.value === false;
}

function numberOf(written: string): number | undefined {
  return /^\d{1,6}$/.test(written) ? Number(written) : undefined;
}
