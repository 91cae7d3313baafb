import { basename } from 'node:path';
import { copyOfDist } from './copy';
import { everyGuard } from './every-guard';
import type { NamedMutant } from './mutant';
import { relatedTests } from './related-tests';
import { tryMutant, tryUnchanged, type Verdict } from './trial';

const usage = `npm run test:mutants [-- [--only <I5 or I5.3>[,…]] [--at-once <n>] [--list] [--json]]
  --only     only the guards of these invariants, or these
  --at-once  how many are tried side by side; one, unless told otherwise
  --list     the guards, one a line; none is taken out
  --json     one JSON object on stdout; what is going on goes to stderr`;

interface Asked {
  readonly chosen: readonly NamedMutant[];
  readonly atOnce: number;
  readonly list: boolean;
  readonly json: boolean;
}

interface Tried {
  readonly mutant: NamedMutant;
  readonly verdict: Verdict;
  readonly seconds: number;
}

function asked(args: readonly string[]): Asked | null {
  let chosen = everyGuard;
  let atOnce = 1;
  const rest = [...args];
  const flags = new Set<string>();
  for (let flag = rest.shift(); flag !== undefined; flag = rest.shift()) {
    if (flag === '--only') {
      const names = (rest.shift() ?? '').split(',');
      chosen = everyGuard.filter(({ name, invariant }) => names.includes(name) || names.includes(invariant));
      if (chosen.length === 0) return null;
    } else if (flag === '--at-once') atOnce = Number(rest.shift());
    else if (flag === '--list' || flag === '--json') flags.add(flag);
    else return null;
  }
  if (!Number.isInteger(atOnce) || atOnce < 1) return null;
  return { chosen, atOnce, list: flags.has('--list'), json: flags.has('--json') };
}

async function main(args: readonly string[]): Promise<number> {
  const wanted = asked(args);
  if (wanted === null) {
    console.error(`keyturn: there is no such guard or flag.\n${usage}`);
    return 2;
  }
  const { chosen, atOnce, list, json } = wanted;
  if (list) {
    for (const { name, file, removed } of chosen) console.log(`${name.padEnd(7)} ${file.padEnd(42)} ${removed}`);
    return 0;
  }
  const say = json ? console.error : console.log;
  const began = performance.now();
  const root = process.cwd();
  const related = relatedTests(root);
  const copies = Array.from({ length: atOnce }, (_, index) => copyOfDist(root, String(index + 1)));
  const waiting = chosen.filter(({ equivalent }) => equivalent === undefined);
  const equivalent = chosen.filter((mutant) => mutant.equivalent !== undefined);

  const [first] = copies;
  const unchanged = first === undefined ? null : await tryUnchanged(first, related, waiting);
  if (unchanged?.kind !== 'ran' || unchanged.failed.length > 0) {
    console.error(`keyturn: with every guard in its place tests fail already, so nothing can be said of the guards:`);
    const failed = unchanged?.kind === 'ran' ? unchanged.failed.map(({ title, said }) => `${title}\n${said}`) : [];
    console.error(unchanged?.kind === 'no-end' ? unchanged.said : failed.join('\n\n'));
    return 2;
  }
  say(`With every guard in its place ${unchanged.passed} tests that name an invariant pass.`);

  const tried: Tried[] = [];
  const queue = [...waiting];
  await Promise.all(
    copies.map(async (copy) => {
      for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
        const since = performance.now();
        const verdict = await tryMutant(copy, related, mutant);
        const seconds = (performance.now() - since) / 1000;
        tried.push({ mutant, verdict, seconds });
        say(rowOf({ mutant, verdict, seconds }));
      }
    }),
  );
  for (const mutant of equivalent) say(`${mutant.name.padEnd(7)} no test can see it: ${mutant.equivalent}`);
  const seconds = (performance.now() - began) / 1000;
  const failures = tried.filter(({ verdict }) => verdict.kind !== 'killed');
  if (json) console.log(JSON.stringify(summary(tried, equivalent, seconds)));
  say(sentence(tried, equivalent.length, seconds));
  return failures.length === 0 ? 0 : 1;
}

function rowOf({ mutant, verdict, seconds }: Tried): string {
  const { name, file, removed } = mutant;
  const row = (what: string, detail: string) =>
    `${name.padEnd(7)} ${what.padEnd(9)} ${seconds.toFixed(1).padStart(6)} s  ${detail}`;
  switch (verdict.kind) {
    case 'killed':
      return row('killed', `${removed} — ${basename(verdict.by.file, '.js')}: ${verdict.by.title}`);
    case 'unnamed':
      return row(
        'UNNAMED',
        `${removed} (${file}) — not by its number: ${basename(verdict.by.file, '.js')}: ${verdict.by.title}`,
      );
    case 'survived':
      return row('SURVIVED', `${removed} (${file})`);
    case 'no-end':
      return row('NO END', `${removed} (${file}) — ${verdict.said.trim().split('\n').at(-1) ?? ''}`);
  }
}

function summary(tried: readonly Tried[], equivalent: readonly NamedMutant[], seconds: number) {
  const killed = tried.filter(({ verdict }) => verdict.kind === 'killed').length;
  return {
    guards: tried.length + equivalent.length,
    killed,
    failed: tried.length - killed,
    equivalent: equivalent.map(({ name, removed, equivalent: reason }) => ({ name, removed, reason })),
    seconds: Math.round(seconds),
    mutants: tried.map(({ mutant: { name, invariant, file, removed }, verdict, seconds: each }) => ({
      name,
      invariant,
      file,
      removed,
      verdict: verdict.kind,
      by: 'by' in verdict ? verdict.by.title : null,
      seconds: Math.round(each * 10) / 10,
    })),
  };
}

function sentence(tried: readonly Tried[], equivalent: number, seconds: number): string {
  const count = (kind: Verdict['kind']) => tried.filter(({ verdict }) => verdict.kind === kind).length;
  const parts = [
    `${tried.length} guards taken out in turn: ${count('killed')} seen by a test that names the invariant`,
    `${count('unnamed')} seen but not named`,
    `${count('survived')} not seen`,
    `${count('no-end')} without an end`,
  ];
  return `${parts.join(', ')}; ${equivalent} that no test can see. ${Math.round(seconds)} s.`;
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
