import { guardsOf } from '../mutant';

/** No SAS key, token or key material leaves an activity's memory; data keys are overwritten after use. */
export const secrets = guardsOf('I6', [
  {
    file: 'shared/rotation/data-key.ts',
    removed: 'A data key stays in memory after its use.',
    find: 'dataKey.fill(0);',
    replace: '',
  },
  {
    file: 'shared/rotation/data-key.ts',
    removed: 'A data key that was unwrapped a second time stays in memory.',
    find: 'again.fill(0);',
    replace: '',
  },
  {
    file: 'shared/rotation/data-key.ts',
    removed: 'What the new blob opened to stays in memory.',
    find: 'opened.fill(0);',
    replace: '',
  },
  {
    file: 'shared/rotation/data-key.ts',
    removed: 'What an old blob opened to stays in memory.',
    find: 'old.fill(0);',
    replace: '',
  },
  {
    file: 'shared/rotation/wrapping.ts',
    removed: 'Keys are compared in a time that tells where they differ.',
    find: 'return a.length === b.length && timingSafeEqual(a, b);',
    replace: 'return a.length === b.length && Buffer.compare(a, b) === 0;',
  },
  {
    file: 'shared/rotation/data-key.ts',
    removed: 'A refusal repeats the data key.',
    find: '`${nameOf(record)} did not open to the key that its check value names: wrong',
    replace: "`${nameOf(record)} did not open to ${Buffer.from(dataKey).toString('base64url')}: wrong",
  },
  {
    file: 'shared/rotation/fit-data-key.ts',
    removed: 'A refusal repeats the blob.',
    find: '`${nameOf(record)} is garbled: its ${field} is not ${wanted};',
    replace: '`${nameOf(record)} is garbled: its ${field} ${record.blob} is not ${wanted};',
  },
  {
    file: 'shared/targets/service.ts',
    removed: 'The undo holds the SAS keys themselves.',
    find: "createHash('sha256')\n      .update(`keyturn/sas/v1:${String(value)}`)\n      .digest('hex')\n      .slice(0, 32);",
    replace: 'String(value);',
  },
  {
    file: 'functions/durable.ts',
    removed: 'The text of an error nobody foresaw goes into the durable history.',
    find: "} catch {\n    // The error's own text may hold anything, so it does not travel: the host's log has it.\n    return {\n      kind: 'thrown',\n      code: 'activity-failed',\n      message: `The step ${name} failed unexpectedly;",
    replace:
      "} catch (error) {\n    return {\n      kind: 'thrown',\n      code: 'activity-failed',\n      message: `The step ${name} failed unexpectedly: ${String(error)};",
  },
  {
    file: 'shared/azure/error-body.ts',
    removed: "A service's own sentence is told as it came, with the key that it quotes.",
    find: '.replace(\n      /(SharedAccessKey|',
    replace: '.replace(\n      /(NothingOfThisKind|',
  },
  {
    file: 'shared/targets/data-key-facts.ts',
    removed: 'Whatever stands where a key identifier should is told to people.',
    find: 'const kid = parseKeyIdentifier(text) === null ? noIdentifier : text;',
    replace: 'const kid = text;',
  },
]);
