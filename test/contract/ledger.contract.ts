import { randomUUID } from 'node:crypto';
import { ConflictError } from '../../shared/rotation/errors';
import type { Claim, Command, Ledger, Retirement, SeenEvent, UndoEntry } from '../../shared/rotation/ports';

/** What Keyturn relies on of its ledger, held against one. `setup` runs once; every test takes a KEK of its own. */
export function describeLedgerContract(name: string, setup: () => Promise<Ledger>): void {
  describe(`the ledger contract, kept by ${name}`, () => {
    let ledger: Ledger;
    let key: string;
    let claim: Claim;

    beforeAll(async () => {
      ledger = await setup();
    });
    beforeEach(() => {
      key = `https://kv-test.vault.azure.net/keys/${randomUUID()}`;
      claim = claimOf(key);
    });

    const etagNow = async (): Promise<string | null> => (await ledger.read(key)).etag;
    const write = async (change: Omit<Parameters<Ledger['update']>[2], 'claim'> & { claim?: Claim }): Promise<void> =>
      ledger.update(key, await etagNow(), { claim, ...change });

    test('a KEK that never was rotated has no claim, no undo and no commands', async () => {
      expect(await ledger.read(key)).toEqual({ claim: null, etag: null, undo: [], commands: [] });
    });

    test('a claim is read as it was written, nulls included', async () => {
      const { claim: written } = {
        claim: { ...claim, plan: planOfTwo, cause: { kind: 'http', actor: 'ann' } as const },
      };
      await ledger.update(key, null, { claim: written });
      const { claim: read, etag } = await ledger.read(key);
      expect(read).toEqual(written);
      expect(etag).not.toBeNull();
    });

    test('what a claim remembers of retirements, back-off and a lost run is read as it was written', async () => {
      const written: Claim = {
        ...claim,
        purpose: 'retirement',
        lastRotationId: 'an-earlier-run',
        lastRun: { plan: planOfTwo, nextVersion: 'v2' },
        backOffUntil: at(1),
        orphanedSince: at(2),
        toldStuckSince: at(1),
        untold: [
          {
            ...{ rotationId: 'an-earlier-run', generation: 3, instanceId: 'an-earlier-run.3', alert: 'completed' },
            ...{ reasons: [{ code: 'data-keys-left', message: 'One é.' }], at: at(1) },
          },
        ],
      };
      await ledger.update(key, null, { claim: written });
      expect((await ledger.read(key)).claim).toEqual(written);
    });

    test('what a claim says of another key is read as it was written', async () => {
      const link = { key: 'https://kv-new.vault.azure.net/keys/kek-2', rotationId: 'run-1', at: at(1) };
      const written: Claim = {
        ...claim,
        run: 'replace',
        replacement: link.key,
        replacedBy: link,
        replaces: link,
        purpose: 'replacement',
        heldFor: link.key,
        lastRun: { plan: planOfTwo, nextVersion: 'v2', run: 'replace', replacement: link.key },
      };
      await ledger.update(key, null, { claim: written });
      expect((await ledger.read(key)).claim).toEqual(written);
    });

    test('every spelling of a key identifier reads the same claim', async () => {
      await ledger.update(key, null, { claim });
      expect((await ledger.read(key.replace('kv-test', 'KV-Test'))).claim).toEqual(claim);
    });

    test('I5: of many who claim at once, exactly one has it', async () => {
      const tries = Array.from({ length: 10 }, (_, index) =>
        ledger.update(key, null, { claim: { ...claim, rotationId: `run-${index}` } }).then(() => index),
      );
      const results = await Promise.allSettled(tries);
      const won = results.filter((result) => result.status === 'fulfilled');
      const lost = results.filter((result) => result.status === 'rejected');
      expect(won).toHaveLength(1);
      for (const { reason } of lost) expect(reason).toBeInstanceOf(ConflictError);
      expect((await ledger.read(key)).claim?.rotationId).toBe(`run-${won[0]?.value}`);
    });

    test('I5: a claim that exists is not inserted again', async () => {
      await ledger.update(key, null, { claim });
      await expect(ledger.update(key, null, { claim })).rejects.toBeInstanceOf(ConflictError);
    });

    test('I5: a change under an ETag that is old conflicts and changes nothing at all', async () => {
      await ledger.update(key, null, { claim });
      const old = await etagNow();
      await write({ claim: { ...claim, generation: 2 } });
      const late = { claim, saveUndo: undoOf(claim, 0, 1), addCommand: commandOf(claim, 'rollback', 1) };
      await expect(ledger.update(key, old, late)).rejects.toBeInstanceOf(ConflictError);
      expect(await ledger.read(key)).toMatchObject({ claim: { generation: 2 }, undo: [], commands: [] });
    });

    test('I5: of many changes under one ETag, exactly one is made', async () => {
      await ledger.update(key, null, { claim });
      const etag = await etagNow();
      const tries = [2, 3, 4, 5, 6].map((generation) => ledger.update(key, etag, { claim: { ...claim, generation } }));
      const results = await Promise.allSettled(tries);
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    });

    test('undo entries are read in the order in which they were saved, whatever their targets', async () => {
      await ledger.update(key, null, { claim, saveUndo: undoOf(claim, 2, 1) });
      await write({ saveUndo: undoOf(claim, 0, 2) });
      await write({ saveUndo: undoOf(claim, 11, 3) });
      await write({ saveUndo: undoOf(claim, 1, 4) });
      const { undo } = await ledger.read(key);
      expect(undo.map(({ target }) => target)).toEqual([2, 0, 11, 1]);
      expect(undo[0]).toEqual(undoOf(claim, 2, 1));
    });

    test('an undo saved again for the same target takes the place of the first', async () => {
      const undo = undoOf(claim, 0, 1);
      await ledger.update(key, null, { claim, saveUndo: undo });
      await write({ saveUndo: { ...undo, operationUrl: 'https://management.azure.com/operations/1' } });
      expect((await ledger.read(key)).undo).toEqual([
        { ...undo, operationUrl: 'https://management.azure.com/operations/1' },
      ]);
    });

    test('commands are read oldest first', async () => {
      await ledger.update(key, null, { claim, addCommand: commandOf(claim, 'rollback', 1) });
      await write({ addCommand: commandOf(claim, 'resume', 2) });
      await write({ addCommand: commandOf(claim, 'abandon', 3) });
      const { commands } = await ledger.read(key);
      expect(commands).toEqual([
        commandOf(claim, 'rollback', 1),
        commandOf(claim, 'resume', 2),
        commandOf(claim, 'abandon', 3),
      ]);
    });

    test('undo and commands of an earlier rotation are not those of this one', async () => {
      const earlier = { saveUndo: undoOf(claim, 0, 1), addCommand: commandOf(claim, 'rollback', 1) };
      await ledger.update(key, null, { claim, ...earlier });
      await write({ claim: { ...claim, generation: 2, rotationId: 'a-later-run' } });
      expect(await ledger.read(key)).toMatchObject({ undo: [], commands: [], claim: { rotationId: 'a-later-run' } });
    });

    test('an undo keeps the expiry that its version had, and that it had none', async () => {
      await ledger.update(key, null, { claim, saveUndo: { ...undoOf(claim, 0, 1), expiresOn: at(9) } });
      await write({ saveUndo: { ...undoOf(claim, 1, 2), expiresOn: null } });
      await write({ saveUndo: undoOf(claim, 2, 3) });
      const { undo } = await ledger.read(key);
      expect(undo).toEqual([
        { ...undoOf(claim, 0, 1), expiresOn: at(9) },
        { ...undoOf(claim, 1, 2), expiresOn: null },
        undoOf(claim, 2, 3),
      ]);
    });

    test('an approval keeps the plan that it approved', async () => {
      const approval = { ...commandOf(claim, 'approve', 1), planHash: 'c'.repeat(64) };
      await ledger.update(key, null, { claim, addCommand: approval });
      expect((await ledger.read(key)).commands).toEqual([approval]);
    });

    test('a retirement is kept for each rotation, and read oldest rotation first, whoever holds the claim', async () => {
      await ledger.update(key, null, { claim, putRetirement: retirementOf('20261202T000000000Z-b') });
      await write({
        putRetirement: retirementOf('20261201T000000000Z-a', { disabledAt: at(5), versions: [], oldBlobsLeft: true }),
      });
      await write({ claim: { ...claim, rotationId: null } });
      expect(await ledger.retirements(key)).toEqual([
        retirementOf('20261201T000000000Z-a', { disabledAt: at(5), versions: [], oldBlobsLeft: true }),
        retirementOf('20261202T000000000Z-b'),
      ]);
      expect(await ledger.retirements(`${key}x`)).toEqual([]);
    });

    test('a retirement put again takes the place of the first, and none is put by a change that was not made', async () => {
      const retirement = retirementOf('run');
      await ledger.update(key, null, { claim, putRetirement: { ...retirement, oldBlobsLeft: true } });
      const old = await etagNow();
      await write({ putRetirement: { ...retirement, status: 'retired', reasons: [] } });
      const late = { claim, putRetirement: { ...retirement, status: 'undone' as const } };
      await expect(ledger.update(key, old, late)).rejects.toBeInstanceOf(ConflictError);
      expect(await ledger.retirements(key)).toEqual([{ ...retirement, status: 'retired', reasons: [] }]);
    });

    test('a retirement is neither undo nor command of its rotation', async () => {
      await ledger.update(key, null, { claim, putRetirement: retirementOf(claim.rotationId ?? '') });
      expect(await ledger.read(key)).toMatchObject({ undo: [], commands: [] });
    });

    test('the stop switch is not thrown until somebody throws it', async () => {
      expect(await ledger.stopped()).toBeNull();
      await ledger.setStop('incident 4711');
      await ledger.setStop('incident 4712');
      expect(await ledger.stopped()).toBe('incident 4712');
      await ledger.setStop(null);
      expect(await ledger.stopped()).toBeNull();
      await ledger.setStop(null);
      expect(await ledger.stopped()).toBeNull();
    });

    test('a claim that was given up keeps its generation', async () => {
      await ledger.update(key, null, { claim: { ...claim, generation: 7 } });
      await write({ claim: { ...claim, generation: 7, rotationId: null, instanceId: null, phase: 'completed' } });
      expect((await ledger.read(key)).claim).toMatchObject({ generation: 7, rotationId: null, phase: 'completed' });
    });

    test('an answer is remembered under its idempotency key, for its KEK only', async () => {
      const rememberAnswer = { idempotencyKey: 'try/1 #é', requestHash: 'f'.repeat(64), rotationId: 'run' };
      await ledger.update(key, null, { claim, rememberAnswer });
      expect(await ledger.rememberedAnswer(key, 'try/1 #é')).toEqual(rememberAnswer);
      expect(await ledger.rememberedAnswer(key, 'try/2')).toBeNull();
      expect(await ledger.rememberedAnswer(`${key}x`, 'try/1 #é')).toBeNull();
    });

    test('an answer is not remembered when its change was not made', async () => {
      await ledger.update(key, null, { claim });
      const rememberAnswer = { idempotencyKey: 'late', requestHash: 'f'.repeat(64), rotationId: 'run' };
      await expect(ledger.update(key, null, { claim, rememberAnswer })).rejects.toBeInstanceOf(ConflictError);
      expect(await ledger.rememberedAnswer(key, 'late')).toBeNull();
    });

    test('an event is new once; the same id again, or the same type and version, answers what is on record', async () => {
      const event = eventOf('id-1', 'KeyNearExpiry', 'v1');
      expect(await ledger.recordEvent(key, event)).toEqual({ seen: false, event });
      expect(await ledger.recordEvent(key, event)).toEqual({ seen: true, event });
      const sameId = eventOf('id-1', 'KeyExpired', 'v2');
      expect(await ledger.recordEvent(key, sameId)).toEqual({ seen: true, event });
      const sameCause = eventOf('id-2', 'KeyNearExpiry', 'v1');
      expect(await ledger.recordEvent(key, sameCause)).toEqual({ seen: true, event });
      expect((await ledger.recordEvent(key, eventOf('id-3', 'KeyExpired', 'v1'))).seen).toBe(false);
      expect((await ledger.recordEvent(key, eventOf('id-4', 'KeyNearExpiry', 'v2'))).seen).toBe(false);
    });

    test('an event with an id that no table would take as a key is remembered like any other', async () => {
      const event = eventOf(`a/b\\c#d?e%20 ${'x'.repeat(200)}`, 'KeyNearExpiry', 'v1');
      expect((await ledger.recordEvent(key, event)).seen).toBe(false);
      expect(await ledger.recordEvent(key, event)).toEqual({ seen: true, event });
    });

    test('a redelivery finds out whether the orchestration was started, by either name', async () => {
      const event = eventOf('id-1', 'KeyNearExpiry', 'v1');
      await ledger.recordEvent(key, event);
      expect((await ledger.recordEvent(key, event)).event.started).toBe(false);
      await ledger.markEventStarted(key, event);
      expect((await ledger.recordEvent(key, event)).event.started).toBe(true);
      expect((await ledger.recordEvent(key, { ...event, eventId: 'id-2' })).event.started).toBe(true);
      await ledger.markEventStarted(key, event);
    });

    test('I5: of one event delivered many times at once, exactly one delivery finds it new', async () => {
      const tries = Array.from({ length: 20 }, (_, index) =>
        ledger.recordEvent(key, eventOf(`id-${index % 4}`, 'KeyNearExpiry', 'v1')),
      );
      const results = await Promise.all(tries);
      expect(results.filter(({ seen }) => !seen)).toHaveLength(1);
      expect(new Set(results.map(({ event }) => event.eventId)).size).toBe(1);
    });

    test('events do not disturb the claim', async () => {
      await ledger.update(key, null, { claim });
      const etag = await etagNow();
      await ledger.recordEvent(key, eventOf('id-1', 'KeyNearExpiry', 'v1'));
      await ledger.update(key, etag, { claim: { ...claim, recheck: true } });
      expect((await ledger.read(key)).claim?.recheck).toBe(true);
    });
  });
}

const planOfTwo = {
  planHash: 'a'.repeat(64),
  previousVersion: 'v1',
  targets: [
    { kind: 'iotHub', name: 'hub', previousKid: 'https://kv/keys/kek/v1', previousVersion: 'v1', total: 1 },
    { kind: 'dataKeys', name: 'store', previousKid: null, previousVersion: null, total: 0 },
  ],
} as const;

function claimOf(key: string): Claim {
  return {
    key,
    generation: 1,
    rotationId: '20261122T143501123Z-abcdef-000001',
    instanceId: '20261122T143501123Z-abcdef-000001.1',
    bound: true,
    claimedAt: at(0),
    requestedAt: at(0),
    reason: 'near expiry – “soon”',
    cause: { kind: 'event', type: 'KeyNearExpiry', version: 'v1', eventId: 'id' },
    toVersion: null,
    phase: 'requested',
    waitingFor: null,
    direction: 'forward',
    plan: null,
    nextVersion: null,
    soakStartedAt: null,
    recheck: false,
    purpose: 'rotation',
    lastRotationId: null,
    backOffUntil: null,
    orphanedSince: null,
    unchangedSince: at(0),
    toldStuckSince: null,
  };
}

function retirementOf(rotationId: string, more: Partial<Retirement> = {}): Retirement {
  return {
    rotationId,
    versions: ['1'.repeat(32), '2'.repeat(32)],
    completedAt: at(20),
    dueAt: at(30),
    status: 'waiting',
    disabledAt: null,
    reasons: [{ code: 'still-referred-to', message: 'iotHub/hub still refers to “v1”.' }],
    ...more,
  };
}

function undoOf({ rotationId }: Claim, target: number, second: number): UndoEntry {
  return {
    rotationId: rotationId ?? '',
    target,
    kind: 'iotHub',
    name: `hub-${target}`,
    savedAt: at(second),
    kid: 'https://kv-test.vault.azure.net/keys/kek/v1',
    fingerprints: { 'iothubowner/primary': 'b'.repeat(64) },
    operationUrl: null,
  };
}

function commandOf({ rotationId }: Claim, command: Command['command'], second: number): Command {
  return { rotationId: rotationId ?? '', command, actor: 'ann', at: at(second) };
}

function eventOf(eventId: string, type: string, version: string): SeenEvent {
  return { eventId, type, version, instanceId: `instance-of-${eventId.length}`, receivedAt: at(0), started: false };
}

const at = (second: number): string => new Date(Date.UTC(2026, 10, 22, 14, 0, second)).toISOString();
