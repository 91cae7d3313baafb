import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type AuditVerification, verifyHistory } from '../rotation/verify-history';
import { readEvidence, readRecords, UnfitExportError } from './exported-history';
import { placesOf, signerOf, thumbprintOfFile } from './pinned-keys';

const usage = `npm run audit:verify -- <file>... [--thumbprint <text>]... [--public-key <file>]... [--anchors <file>] [--json]
  <file>         an NDJSON export, its pages in their order (GET /api/audit)
  --thumbprint   RFC 7638 thumbprint of a key that may sign, which you have from elsewhere than the export
  --public-key   the same as a file: PEM or JWK
  --anchors      names of the blobs in the container keyturn-anchors, one a line, as you listed them yourself
  --json         the verdict as one JSON object
Ends with 0 if the history holds, 1 if it does not, 2 if there is nothing that could be judged.`;

/** Verifies an export where it lies: needs no network, no Azure and no Keyturn but this. */
async function main(args: readonly string[]): Promise<number> {
  const asked = parse(args);
  if (asked === null) return 2;
  const { files, thumbprints, anchors, json } = asked;
  const evidence = readEvidence(files);
  const verdict = await verifyHistory({
    key: evidence.key,
    records: readRecords(files),
    heads: evidence.heads,
    seals: evidence.seals,
    anchors: anchors ?? evidence.anchors,
    anchorsFrom: anchors === null ? 'export' : 'container',
    signer: signerOf(thumbprints),
    now: evidence.exportedAt,
  });
  if (json) console.log(JSON.stringify(verdict));
  else
    for (const line of told(verdict, evidence.key, { pinned: thumbprints.length > 0, listed: anchors !== null }))
      console.log(line);
  return verdict.ok ? 0 : 1;
}

function parse(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: withoutDashes(args),
      allowPositionals: true,
      options: {
        thumbprint: { type: 'string', multiple: true, default: [] },
        'public-key': { type: 'string', multiple: true, default: [] },
        anchors: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    });
    if (positionals.length === 0) throw new Error('Name the file of an export.');
    const fromFiles = values['public-key'].map((file) => thumbprintOfFile(readFileSync(file, 'utf8')));
    return {
      files: positionals,
      thumbprints: [...values.thumbprint, ...fromFiles],
      anchors: values.anchors === undefined ? null : placesOf(readFileSync(values.anchors, 'utf8')),
      json: values.json,
    };
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage}`);
    return null;
  }
}

/** One thumbprint in sixty-four begins with a dash, and would be taken for an option. */
function withoutDashes(args: readonly string[]): string[] {
  return args.flatMap((each, index) => {
    if (args[index - 1] === '--thumbprint') return [];
    return each === '--thumbprint' && index + 1 < args.length ? [`${each}=${args[index + 1]}`] : [each];
  });
}

function told(verdict: AuditVerification, key: string, given: { pinned: boolean; listed: boolean }): readonly string[] {
  const { ok, records, head, brokenAt, chains, signers } = verdict;
  return [
    `History of ${key}: ${ok ? 'holds' : 'DOES NOT HOLD'}`,
    ...(brokenAt === undefined
      ? []
      : [`First at record ${brokenAt.sequence} of chain ${brokenAt.chain}, ${brokenAt.fault}: ${brokenAt.message}`]),
    `Records that hold: ${records}; head ${head ?? 'none'}`,
    ...chains.map(
      ({ chain, ok: whole, records: held, signedTo, anchoredTo, begins }) =>
        `Chain ${chain}: ${whole ? 'whole' : 'broken'}, ${held} records, signed to ${signedTo}, anchored to ${anchoredTo}${begins === null ? '' : `; ${begins.message}`}`,
    ),
    ...signers.map(({ kid, thumbprint }) => `Signed by ${kid}, thumbprint ${thumbprint}`),
    `Rests on: ${verdict.says}`,
    ...(given.pinned ? [] : [unpinned]),
    ...(given.pinned && !given.listed ? [unlisted] : []),
  ];
}

const unpinned =
  'No key was given, so no signature was looked at: the key that an export carries itself proves nothing, since whoever forges the one can forge the other. Give --thumbprint or --public-key, from a source that is not the app.';
const unlisted =
  'The anchors are those that the export names, which is the word of the app. To rely on them, list the container yourself and give --anchors.';

void main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const known = error instanceof UnfitExportError || (error as NodeJS.ErrnoException).code === 'ENOENT';
    console.error(known ? (error as Error).message : error);
    process.exitCode = 2;
  },
);
