import { type Fault, nameOf, type Schedule } from './schedule';

/** A schedule as a person reads it: one step a line. */
export function told({ world, faults }: Schedule): string {
  const { run, cause, targets, records, approval, seals, stranger, ...readings } = world;
  const beginning = run === 'rotation' ? `a rotation, ${cause}` : run;
  return [
    `${beginning}, over ${targets.join(', ')}; ${records} data keys${approval ? '; to be approved' : ''}${seals ? '; the history is signed' : ''}${stranger ? '; a stranger is under the key' : ''}`,
    `  (${Object.entries(readings)
      .map(([name, reading]) => `${name} ${reading}`)
      .join(', ')})`,
    ...faults.map((fault, index) => `  ${index + 1}. ${stepOf(fault)}`),
  ].join('\n');
}

function stepOf(fault: Fault): string {
  const often = (times: number): string => (times === 1 ? 'once' : `${times} times`);
  if (fault.kind === 'call') return `${fault.answer} ${often(fault.times)}, from call ${fault.nth} of ${fault.to} on`;
  if ('nth' in fault) return `${fault.kind} ${often(fault.times)}, from chance ${fault.nth} on`;
  const when = `at call ${fault.at.call} in ${fault.at.stage}`;
  return 'minutes' in fault ? `${nameOf(fault)} ${when}, for ${fault.minutes} min` : `${fault.kind} ${when}`;
}
