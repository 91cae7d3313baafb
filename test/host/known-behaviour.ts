/**
 * What is known of the real Durable extension (3.14.1 and 3.19.0 under durable-functions 3.5.0), a sentence each, and where the local host
 * is held to it: by a test of that title, or not, for a reason that its README gives in these words.
 */
export type Known = readonly [says: string, held: Held];
export type Held =
  | { readonly by: string; readonly in: string }
  /** The README's words. */
  | { readonly departs: string };

const durable = (by: string): Held => ({ by, in: 'durable' });
const management = (by: string): Held => ({ by, in: 'management' });
const replay = (by: string): Held => ({ by, in: 'replay' });
const wire = (by: string): Held => ({ by, in: 'golden-wire' });
const http = (by: string): Held => ({ by, in: 'http' });
const departs = (words: string): Held => ({ departs: words });
/** A row that is played in known-behaviour.test.ts under its own sentence. */
const here: Held = { by: '', in: 'known-behaviour' };

export const known = {
  app: [
    [
      'An HTTP function that returns nothing answers 204, one that throws 500 and an empty body.',
      http('answer a handler that %s with an empty body'),
    ],
    [
      'Repeated query keys arrive joined by a comma.',
      http('get route parameters, the query with repeated keys joined, and the body'),
    ],
    ['Each event of a batch is an invocation of its own.', http('invokes the function once for each event of a batch')],
    ['The webhook answers a subscription validation.', http('answers a subscription validation with its code')],
    ['HTTP streaming forwards the raw request to the library.', departs('HTTP streaming')],
    [
      'The clients of the app talk to the extension on a port of its own.',
      http('can use the real client, whose status answers point at this host'),
    ],
  ],
  wire: [
    ['The first event is OrchestratorStarted, then ExecutionStarted with an earlier timestamp.', here],
    ['isReplaying is false in the first episode, and again where the history has been caught up with.', here],
    [
      'The inputs of activities and sub-orchestrations are null in the history.',
      wire('its history has the recorded types, ids, fields, order and nulls'),
    ],
    [
      'A timer that fired says when it was due, a suspension its reason.',
      wire('suspended, resumed, and only then sent its event'),
    ],
    [
      "A sub-orchestration is named after its parent's execution and the id of the event.",
      durable("are named after the parent's execution and know their parent"),
    ],
    [
      'A retry takes ids for its timers; external events take none.',
      replay('hands out ids to all children of a compound action, and none to events'),
    ],
    [
      'After the last failed attempt there is one more timer.',
      replay('after the last attempt there is one more timer, due at once, as in the real extension'),
    ],
    [
      'Work of a suspended instance is kept back until it is resumed.',
      replay('work decided in the episode that suspends is stashed, and published at resume'),
    ],
    [
      'A history that the code does not repeat fails the instance as non-deterministic.',
      durable("['changesItsMind', /^Non-Deterministic"),
    ],
    ['3.16.2 and later send sourceInstanceId.', departs('`sourceInstanceId`')],
    ['Failed events stand as GenericEvent after a rewind.', departs('rewind')],
  ],
  activities: [
    [
      'Activities get booleans as "True" and "False" and null as undefined.',
      durable('get booleans as strings and null as undefined, as from the real extension'),
    ],
    ['Orchestrators, sub-orchestrations and events keep booleans.', here],
    ['An activity that returns nothing returns null.', here],
    [
      'A failure reads: Activity function, its name, failed, the message, and details as JSON.',
      durable('that throw can be caught, and more work follows'),
    ],
    ["The name of an activity's own error is lost.", here],
    ['A thrown object becomes [object Object].', here],
    [
      'Activities run at least once.',
      { by: 'after an activity ran and before its result was committed: it runs twice', in: 'crash' },
    ],
    ['A name that nobody registered hangs the instance for ever.', departs('names that nobody registered')],
    ['A task that is created and never yielded is never scheduled.', here],
    ['Task.all of nothing throws.', here],
  ],
  client: [
    [
      'A start without input hands the orchestrator an empty text.',
      management('a start without an id makes one, and without input the input is an empty string'),
    ],
    ['A start of an unknown function is told 202, and the instance fails.', here],
    ['A start of a running, pending or suspended id is 409 with a Message.', management('a start of a %s id is 409')],
    ['A start of a finished id silently runs it again.', management('a start of a finished id silently runs it again')],
    ['The form of an id is not checked.', here],
    [
      'Simultaneous starts of one id are all told 202, one runs, and the inputs of the others are lost.',
      management('simultaneous starts of one id are all told 202; one runs, and the input of the others is lost'),
    ],
    [
      'The status is 202 while it runs, 200 when it has ended, 404 if nobody knows it; createdTime has seconds only.',
      management('the status is 202 while it runs, 200 after, 404 for an unknown id'),
    ],
    [
      'Lists come in pages with a continuation token, filtered by time and status.',
      management('lists come in pages, joined by a continuation token, and can be filtered'),
    ],
    [
      'An event to a finished instance is 410, to an unknown one 404.',
      durable('to an unknown instance are 404, to a finished one 410'),
    ],
    ['An event must be application/json.', management('an event needs application/json')],
    [
      'Terminate, suspend and resume are 404 for an unknown id and 410 for an ended one, with empty bodies.',
      management('%s of an unknown id is 404, of a finished one 410'),
    ],
    [
      'Suspend of what is suspended is 500, and the reason is the output.',
      durable('keeps events and starts nothing until resume; the reason is the output'),
    ],
    ['Resume of what runs is 500, with a body in PascalCase.', durable('resume of a running instance is 500')],
    [
      'Terminate leaves the reason as the output, and children go on.',
      durable('terminate ends an instance with the reason as its output, and its children go on'),
    ],
    ['A suspended instance can be terminated.', here],
    [
      'Rewind of what has not failed is 412.',
      management('rewind of what has not failed is 412; of what has, and entities, are refused by name'),
    ],
    ['Rewind runs what had failed again.', departs('rewind')],
    ['Restart runs the first input again.', management('restart runs the same input under a new id')],
    ['Purge of what runs or is suspended is 412.', here],
    ['Purge of many needs createdTimeFrom.', management('purge of many needs createdTimeFrom, and leaves what runs')],
    [
      'The status shows its history as historyEvents.',
      wire('the status API shows a history as the recorded one, entities aside'),
    ],
    ['Lists hold entities too; entities are read, signalled, called and locked.', departs('entities')],
    [
      'A custom status over 16 KB of UTF-16 fails the orchestration.',
      durable('a custom status over 16 KB of UTF-16 fails the orchestration, one under it does not'),
    ],
  ],
  patterns: [
    [
      'A retried activity in Task.any with a timer that is cancelled is non-deterministic after one retry.',
      durable('in a Task.any whose timer is cancelled end as Non-Deterministic, as in the real extension'),
    ],
    ['So is a retried sub-orchestration, and a Task.all with a retry, in Task.any with such a timer.', here],
    ['A retry inside a sub-orchestration, a retry beside an event, and retries in turn are safe.', here],
    [
      'Task.all with a retry, its failure caught and more work after it, completes with undefined or fails, not the same each time.',
      departs('A `Task.all` with a retried task'),
    ],
    [
      'After a failed Task.all the next action waits for all siblings.',
      durable('after a failed Task.all the next action waits for all siblings'),
    ],
    ['A timer over six days is cut into pieces of three.', durable('over six days are cut into pieces of three')],
    ['Such a timer that is cancelled after its first piece has fired is non-deterministic.', here],
    ['Timers fire up to a second early.', durable('are early by less than a second, each by its own part of it')],
    ['A retry interval of one second is in effect none.', departs('The whole-second truncation')],
    ['A text given to continueAsNew arrives encoded twice.', here],
    [
      'Events not consumed survive continueAsNew, in order.',
      durable('keeps events that were not consumed, in their order'),
    ],
    ['An open timer keeps a finished orchestration running, and holds up continueAsNew.', here],
    [
      'Events that come before anyone waits are kept in order.',
      durable('that come before anyone waits are kept in order'),
    ],
    [
      'With two waiters the last one gets the first event.',
      replay('with two waiters the last one gets the first event'),
    ],
    ['The names of events are case-sensitive for the orchestrator.', here],
    [
      'A sub-orchestration under the id of a running instance takes its place without a word.',
      durable('under the id of a running instance take its place without a word, as in the real extension'),
    ],
    ['A sub-orchestration under the id of an ended instance runs.', here],
    ['Throwing what is no Error hangs the orchestration, or fails it unreadably.', departs('throwing what is not an')],
    ['Who throws inside a lock leaves it locked.', departs('`df.lock`')],
    ['With the task hub gone nobody knows the instance; a start under its id runs it from its beginning.', here],
  ],
} as const satisfies Record<string, readonly Known[]>;
