import { ConflictError } from '../../shared/rotation/errors';
import { partitionOf } from '../../shared/rotation/key-identifier';
import type {
  Claim,
  Command,
  Ledger,
  RememberedAnswer,
  Retirement,
  SeenEvent,
  UndoEntry,
} from '../../shared/rotation/ports';
import { type Fake, interference } from './interference';

interface Rows {
  claim: Claim | null;
  etag: string | null;
  undo: UndoEntry[];
  commands: Command[];
  readonly retirements: Map<string, Retirement>;
  readonly answers: Map<string, RememberedAnswer>;
  /** One record under two names: its id, and its type and version. */
  readonly events: Map<string, SeenEvent>;
}

interface FakeLedgerExtra {
  /** Throws the stop switch, or, with null, takes it back. */
  throwStop(reason: string | null): void;
  /** What is on record of a KEK now, without a call. */
  look(key: string): LedgerLook;
}

export interface LedgerLook {
  readonly claim: Claim | null;
  /** Of the claim's run. */
  readonly undo: readonly UndoEntry[];
  readonly commands: readonly Command[];
  readonly retirements: readonly Retirement[];
  readonly events: readonly SeenEvent[];
  readonly stop: string | null;
}

/** The ledger in memory: one partition for each KEK, every change conditional on the claim's ETag. */
export function fakeLedger(effects: string[] = []): Fake<Ledger, FakeLedgerExtra> {
  const { interfere, run } = interference<Ledger>(effects);
  const partitions = new Map<string, Rows>();
  let writes = 0;
  let stop: string | null = null;
  const rowsOf = (key: string): Rows => {
    const partition = partitionOf(key);
    const rows = partitions.get(partition) ?? emptyRows();
    partitions.set(partition, rows);
    return rows;
  };

  return {
    interfere,
    throwStop: (reason) => {
      stop = reason;
    },
    look: (key) => {
      const { claim, undo, commands, retirements, events } = rowsOf(key);
      const ofRun = ({ rotationId }: { rotationId: string }) => rotationId === claim?.rotationId;
      return {
        ...{ claim, undo: undo.filter(ofRun), commands: commands.filter(ofRun), stop },
        retirements: [...retirements.values()],
        events: [...new Set(events.values())],
      };
    },
    read: (key) =>
      run('read', '', () => {
        const { claim, etag, undo, commands } = rowsOf(key);
        const ofRun = ({ rotationId }: { rotationId: string }) => rotationId === claim?.rotationId;
        return structuredClone({
          claim,
          etag,
          undo: undo.filter(ofRun).sort((a, b) => order(a.savedAt, b.savedAt) || a.target - b.target),
          commands: commands.filter(ofRun).sort((a, b) => order(a.at, b.at)),
        });
      }),
    update: (key, etag, change) =>
      run('update', describe(change), () => {
        const rows = rowsOf(key);
        if (rows.etag !== etag) throw new ConflictError('The claim was changed meanwhile.');
        const { claim, saveUndo, addCommand, putRetirement, rememberAnswer } = structuredClone(change);
        if (rememberAnswer !== undefined && rows.answers.has(rememberAnswer.idempotencyKey)) {
          throw new ConflictError('An answer is remembered under this key already.');
        }
        rows.claim = claim;
        rows.etag = `"${++writes}"`;
        if (saveUndo !== undefined)
          rows.undo = [...rows.undo.filter((entry) => !isSameUndo(entry, saveUndo)), saveUndo];
        if (addCommand !== undefined) rows.commands.push(addCommand);
        if (putRetirement !== undefined) rows.retirements.set(putRetirement.rotationId, putRetirement);
        if (rememberAnswer !== undefined) rows.answers.set(rememberAnswer.idempotencyKey, rememberAnswer);
      }),
    recordEvent: (key, event) =>
      run('recordEvent', event.eventId, () => {
        const { events } = rowsOf(key);
        const known = events.get(idName(event)) ?? events.get(causeName(event));
        if (known !== undefined) return { seen: true, event: structuredClone(known) };
        const kept = structuredClone(event);
        events.set(idName(event), kept);
        events.set(causeName(event), kept);
        return { seen: false, event: structuredClone(kept) };
      }),
    markEventStarted: (key, event) =>
      run('markEventStarted', event.eventId, () => {
        const { events } = rowsOf(key);
        const started = { ...structuredClone(event), started: true };
        events.set(idName(event), started);
        events.set(causeName(event), started);
      }),
    rememberedAnswer: (key, idempotencyKey) =>
      run('rememberedAnswer', idempotencyKey, () => structuredClone(rowsOf(key).answers.get(idempotencyKey) ?? null)),
    retirements: (key) =>
      run('retirements', '', () => {
        const { retirements } = rowsOf(key);
        return structuredClone([...retirements.values()].sort((a, b) => order(a.rotationId, b.rotationId)));
      }),
    stopped: () => run('stopped', '', () => stop),
    setStop: (reason) =>
      run('setStop', '', () => {
        stop = reason;
      }),
  };
}

function emptyRows(): Rows {
  return {
    claim: null,
    etag: null,
    undo: [],
    commands: [],
    retirements: new Map(),
    answers: new Map(),
    events: new Map(),
  };
}

function describe({ claim, saveUndo, addCommand, putRetirement }: Parameters<Ledger['update']>[2]): string {
  const parts = [`generation ${claim.generation}`, claim.phase];
  if (saveUndo !== undefined) parts.push(`undo ${saveUndo.kind}/${saveUndo.name}`);
  if (addCommand !== undefined) parts.push(addCommand.command);
  if (putRetirement !== undefined) parts.push(`retirement ${putRetirement.status}`);
  return parts.join(', ');
}

const isSameUndo = (a: UndoEntry, b: UndoEntry): boolean => a.rotationId === b.rotationId && a.target === b.target;
const idName = ({ eventId }: SeenEvent): string => `id ${eventId}`;
const causeName = ({ type, version }: SeenEvent): string => `cause ${type} ${version}`;
const order = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
