import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OtherLine } from '../../../../shared/contracts/audit-export';
import { exportPage } from '../../../../shared/rotation/exporting';
import { lookAfterHistory } from '../../../../shared/rotation/history-care';
import { partitionOf } from '../../../../shared/rotation/key-identifier';
import type { AuditRecord } from '../../../../shared/rotation/ports';
import type { RotationPorts } from '../../../../shared/rotation/run-ports';
import { thumbprintOf } from '../../../../shared/rotation/signed-head';
import { fakeAnchorStore, fakeHeadSigner } from '../../../fakes/sealing';
import { key, makeWorld } from '../use-cases/world';

const folder = mkdtempSync(join(tmpdir(), 'keyturn-audit-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Line = Partial<OtherLine> & Partial<AuditRecord>;

/** An export of six records whose third and sixth were signed and anchored, as its lines. */
async function exported(query: { limit?: number; actor?: string } = {}) {
  const world = makeWorld();
  const sealing = { signer: fakeHeadSigner(), anchors: fakeAnchorStore(), every: 3 };
  const ports: RotationPorts = { ...world.ports, sealing };
  for (let number = 1; number <= 6; number++) {
    const entry = {
      rotationId: 'run',
      at: world.now(),
      actor: 'keyturn',
      action: 'rewrap',
      target: null,
      outcome: 'done' as const,
      message: `Étape ${number} 🔑`,
      details: { number },
    };
    await world.auditLog.append(key, entry, `${number}`);
    if (number % 3 === 0) await lookAfterHistory(ports, key);
  }
  const lines: Line[] = [];
  let continuation: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof exportPage>> = await exportPage(ports, key, {
      limit: 100,
      ...query,
      continuation,
    });
    lines.push(page.opening, ...page.records, ...page.closing);
    continuation = page.continuation;
  } while (continuation !== null);
  const thumbprint = thumbprintOf((await sealing.signer.current()).jwk);
  const names = [...sealing.anchors.anchored.values()].map(
    ({ sequence, hash }) => `${partitionOf(key)}/0001/${String(sequence).padStart(12, '0')}-${hash}.json`,
  );
  return { lines, thumbprint, names };
}

let count = 0;
function written(lines: readonly (Line | string)[]): string {
  const file = join(folder, `export-${++count}.ndjson`);
  writeFileSync(file, lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''));
  return file;
}

/** The command as `npm run audit:verify` starts it, in a process of its own. */
function run(...args: string[]) {
  const main = join(process.cwd(), 'dist', 'shared', 'audit-file', 'main.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr, verdict: stdout.startsWith('{') ? JSON.parse(stdout) : null };
}

describe('npm run audit:verify', () => {
  test('verifies an export by a key that was given, and says what the verdict rests on', async () => {
    const { lines, thumbprint, names } = await exported();
    const file = written(lines);
    const { status, verdict } = run(file, '--thumbprint', thumbprint, '--json');
    expect([status, verdict]).toEqual([0, expect.objectContaining({ ok: true, records: 6, assurance: 'signed' })]);
    const listing = written(names);
    const listed = run(file, '--thumbprint', thumbprint, '--anchors', listing, '--json');
    expect(listed.verdict).toMatchObject({ ok: true, assurance: 'anchored' });
    expect(run(file, '--thumbprint', thumbprint).stdout).toContain('the word of the app');
  });

  test('takes a thumbprint that begins with a dash', async () => {
    const { lines } = await exported();
    const { status, verdict } = run(written(lines), '--thumbprint', `-${'a'.repeat(42)}`, '--json');
    expect([status, verdict?.brokenAt]).toEqual([1, expect.objectContaining({ fault: 'signed-by-another-key' })]);
    expect(run(written(lines), '--thumbprint')).toMatchObject({ status: 2 });
  });

  test('takes the public key as a file too', async () => {
    const { lines } = await exported();
    const seal = lines.find(({ kind }) => kind === 'seal') as OtherLine & { kind: 'seal' };
    const { status, verdict } = run(written(lines), '--public-key', written([JSON.stringify(seal.jwk)]), '--json');
    expect([status, verdict.assurance]).toEqual([0, 'signed']);
  });

  test('without a key it counts no signature, and says why', async () => {
    const { lines } = await exported();
    const { status, stdout } = run(written(lines));
    expect(status).toBe(0);
    expect(stdout).toContain('whoever forges the one can forge the other');
    expect(run(written(lines), '--json').verdict.assurance).toBe('chain');
  });

  test('pages may lie in several files, or one after the other in one', async () => {
    const { lines, thumbprint } = await exported({ limit: 4 });
    const second = lines.findLastIndex(({ kind }) => kind === 'export');
    expect(second).toBeGreaterThan(0);
    const files = [written(lines.slice(0, second)), written(lines.slice(second))];
    for (const given of [files, [written(lines)]]) {
      expect(run(...given, '--thumbprint', thumbprint, '--json').verdict).toMatchObject({ ok: true, records: 6 });
    }
    for (const given of [files.toReversed(), files.slice(0, 1), files.slice(1)]) expect(run(...given).status).toBe(2);
  });

  const at = (lines: Line[], sequence: number) =>
    lines.findIndex((line) => line.kind === undefined && line.sequence === sequence);
  const tampered: Record<string, [tamper: (lines: Line[]) => Line[], brokenAt: object]> = {
    'an edited record': [
      (lines) => lines.with(at(lines, 2), { ...lines[at(lines, 2)], actor: 'somebody else' }),
      { sequence: 2, fault: 'edited' },
    ],
    'a removed record': [(lines) => lines.toSpliced(at(lines, 2), 1), { sequence: 2, fault: 'removed' }],
    'records in another order': [
      (lines) => {
        const [two, three] = [at(lines, 2), at(lines, 3)];
        return lines.with(two, lines[three] as Line).with(three, lines[two] as Line);
      },
      { sequence: 2, fault: 'reordered' },
    ],
    'a tail cut off with its head set back': [
      (lines) => {
        const head = lines.findIndex(({ kind }) => kind === 'head');
        const { chain = 1, sequence = 0, hash = '' } = lines[at(lines, 5)] as AuditRecord;
        return lines.with(head, { kind: 'head', chain, sequence, hash }).toSpliced(at(lines, 6), 1);
      },
      { sequence: 6, fault: 'cut-off' },
    ],
    'no signed head at all': [
      (lines) =>
        lines
          .filter(({ kind }) => kind !== 'seal' && kind !== 'anchor')
          .map((line) => (line.kind === 'export' ? { ...line, exportedAt: '2026-12-22T12:00:00.000Z' } : line)),
      { sequence: 1, fault: 'anchor-missing' },
    ],
    'a signed head without its anchor': [
      (lines) => lines.filter(({ kind, sequence }) => kind !== 'anchor' || sequence !== 3),
      { sequence: 3, fault: 'anchor-missing' },
    ],
  };
  test.each(Object.entries(tampered))('names %s', async (_, [tamper, brokenAt]) => {
    const { lines, thumbprint } = await exported();
    const { status, verdict } = run(written(tamper(lines)), '--thumbprint', thumbprint, '--json');
    expect([status, verdict]).toEqual([
      1,
      expect.objectContaining({ ok: false, brokenAt: expect.objectContaining(brokenAt) }),
    ]);
    expect(run(written(tamper(lines)), '--thumbprint', thumbprint).stdout).toContain('DOES NOT HOLD');
  });

  test('a key that was not given is another key, however well it signed', async () => {
    const { lines } = await exported();
    const other = (await exported()).thumbprint;
    const { status, verdict } = run(written(lines), '--thumbprint', other, '--json');
    expect([status, verdict.brokenAt]).toEqual([1, expect.objectContaining({ fault: 'signed-by-another-key' })]);
  });

  test('a line that is no JSON is an edited record', async () => {
    const { lines } = await exported();
    const broken = lines.map((line, index) => (index === at(lines, 4) ? '{"oh' : line));
    expect(run(written(broken), '--json').verdict.brokenAt).toMatchObject({ sequence: 4, fault: 'edited' });
  });

  test('what is no whole export gets no verdict', async () => {
    const { lines } = await exported();
    const narrowed = await exported({ actor: 'keyturn' });
    const unfit = [lines.slice(0, -1), lines.slice(1), narrowed.lines, [], ['{"kind":"something"}']];
    for (const each of unfit) expect(run(written(each))).toMatchObject({ status: 2, stdout: '' });
    for (const args of [[], ['--what'], [join(folder, 'none')]]) expect(run(...args).status).toBe(2);
  });
});
