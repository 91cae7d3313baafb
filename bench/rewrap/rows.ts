import type { Outcome, Run } from './run';

/** The runs as bench/README.md shows them, ready to be pasted there. */

export type Played = readonly (readonly [run: Run & { readonly name: string }, outcome: Outcome])[];

export function rows(played: Played): string[] {
  const free = played.filter(([{ quota }]) => quota === null);
  const limited = played.filter(([{ quota }]) => quota !== null);
  return [
    '| Unthrottled | Keys a second | Vault operations a key | CPU a key: worker, vault, storage | Peak memory of the worker | Lost, doubled, unverified |',
    '| --- | --- | --- | --- | --- | --- |',
    ...free.map(([run, outcome]) =>
      row([
        run.name.replace(' unthrottled', ''),
        outcome.keysPerSecond.toFixed(0),
        operationsEach(run, outcome),
        [outcome.cpu.workers, outcome.cpu.vault, outcome.cpu.storage]
          .map((milliseconds) => (milliseconds / run.keys).toFixed(2))
          .join(', ')
          .concat(' ms'),
        `${(outcome.peakResidentBytes / 2 ** 20).toFixed(0)} MiB`,
        wrong(outcome),
      ]),
    ),
    '',
    '| Under a quota, share 1 | Accepted ÷ (quota × time) | Refused ÷ accepted | Vault operations a key | Lost, doubled, unverified |',
    '| --- | --- | --- | --- | --- |',
    ...limited.map(([run, outcome]) =>
      row([
        run.name,
        accepted(run, outcome).toFixed(3),
        (outcome.refused / outcome.unwraps).toFixed(4),
        operationsEach(run, outcome),
        wrong(outcome),
      ]),
    ),
  ];
}

/** What Azure lets one vault do in ten seconds (service limits of Key Vault, 2025-07-23). */
export const quotas = { RSA: 4000, 'RSA-HSM': 2000 } as const;

export const accepted = ({ kty }: Run, { unwrapsPerSecond }: Outcome): number => unwrapsPerSecond / (quotas[kty] / 10);

/** Every operation that the vault did, whatever it was for: its quota counts them all. */
export const answered = ({ operations }: Outcome): number =>
  Object.entries(operations).reduce((sum, [name, times]) => sum + (name.endsWith(' 200') ? times : 0), 0);

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
const operationsEach = (run: Run, outcome: Outcome): string => (answered(outcome) / run.keys).toFixed(3);
const wrong = ({ found: { lost, doubled, unverified } }: Outcome): string => `${lost}, ${doubled}, ${unverified}`;
