import type { z } from 'zod';
import { auditExportLine } from '../../shared/contracts/audit-export';
import {
  approveRequest,
  exportQuery,
  idempotencyKey,
  listQuery,
  pageQuery,
  pauseRequest,
  startRequest,
  verifyQuery,
} from '../../shared/contracts/http';
import {
  agreeing,
  auditPage,
  auditRecord,
  auditVerification,
  healthAnswer,
  keyPage,
  pauseAnswer,
  planAnswer,
  problemAnswer,
  rotationAnswer,
  rotationPage,
  startedAnswer,
} from '../../shared/contracts/http-answers';
import type { AuditRecord } from '../../shared/rotation/ports';
import type { AuditVerification } from '../../shared/rotation/verify-history';

/** Every route, with the schemas that it checks requests with and answers by. A test holds it to the registrations. */

export const components = {
  Rotation: rotationAnswer,
  RotationPage: rotationPage,
  Started: startedAnswer,
  Plan: planAnswer,
  AuditRecord: agreeing<AuditRecord>()(auditRecord),
  AuditPage: auditPage,
  AuditExportLine: auditExportLine,
  AuditVerification: agreeing<AuditVerification>()(auditVerification),
  KeyPage: keyPage,
  Health: healthAnswer,
  Pause: pauseAnswer,
  PauseRequest: pauseRequest,
  Problem: problemAnswer,
  StartRequest: startRequest,
  ApproveRequest: approveRequest,
} as const;
export type Component = keyof typeof components;

/** A component as JSON; text, which has no schema; or nothing but a status. */
export type Answer = {
  readonly description: string;
  readonly json?: Component;
  readonly text?: readonly string[];
  readonly location?: true;
};

export interface Operation {
  /** The function's name. */
  readonly name: string;
  readonly method: 'get' | 'post';
  readonly path: string;
  readonly summary: string;
  readonly query?: z.ZodObject;
  readonly headers?: Readonly<Record<string, z.ZodType>>;
  readonly body?: Component;
  readonly open?: true;
  readonly answers: Readonly<Record<number, Answer>>;
}

const problem = (description: string): Answer => ({ description });
const always = {
  500: problem('Unexpected error; the log has it under the id of the invocation.'),
  503: problem('Something that is needed cannot be reached; Retry-After says when to try again.'),
};
const invalidRequest = { 400: problem('The request has faults; each is in `issues`.') };
const noSuchRotation = { 404: problem('There is no rotation with this id.') };
const noSuchHistory = { 404: problem('The key is not in the configuration and has no history.') };
const refused = { 422: problem('It was refused; `title` is the stable code.') };

const commandSummaries = {
  approve: 'Approve a plan by its hash, before anything is changed',
  cancel: 'End a rotation that has not changed anything yet',
  pause: 'Begin nothing more until it is resumed',
  resume: 'Go on after a pause, or from needs-attention',
  rollback: 'Take every target back to the version it came from',
  abandon: 'Give up a rotation that needs attention; changes nothing and frees the key',
} as const;

export const operations: readonly Operation[] = [
  {
    name: 'startRotation',
    method: 'post',
    path: '/api/rotations',
    summary: 'Start a rotation, or, with dryRun, only plan it',
    headers: { 'Idempotency-Key': idempotencyKey },
    body: 'StartRequest',
    answers: {
      200: { description: 'The plan of a dry run.', json: 'Plan' },
      202: { description: 'It was started.', json: 'Started', location: true },
      ...invalidRequest,
      409: problem('A rotation of this key is running, or the key is only observed.'),
      422: problem('It was refused, or the Idempotency-Key came with another body before.'),
      ...always,
    },
  },
  {
    name: 'listRotations',
    method: 'get',
    path: '/api/rotations',
    summary: 'List rotations, newest first',
    query: listQuery,
    answers: { 200: { description: 'A page.', json: 'RotationPage' }, ...invalidRequest, ...always },
  },
  {
    name: 'getRotation',
    method: 'get',
    path: '/api/rotations/{id}',
    summary: 'Read one rotation',
    answers: { 200: { description: 'The rotation.', json: 'Rotation' }, ...noSuchRotation, ...always },
  },
  {
    name: 'getRotationAudit',
    method: 'get',
    path: '/api/rotations/{id}/audit',
    summary: 'Read the audit records of one rotation, oldest first',
    query: pageQuery,
    answers: { 200: { description: 'A page.', json: 'AuditPage' }, ...invalidRequest, ...noSuchRotation, ...always },
  },
  {
    name: 'retireRotation',
    method: 'post',
    path: '/api/rotations/{id}/retire',
    summary: 'Retire what a completed rotation left behind now, without its grace period, but with every proof',
    answers: {
      202: {
        description:
          'It is on record, and begins now, or when a change window opens; GET /api/keys shows how it stands.',
        json: 'Started',
        location: true,
      },
      ...noSuchRotation,
      409: problem('Nothing is pending after this rotation, or something of the same key is running.'),
      ...always,
    },
  },
  ...Object.entries(commandSummaries).map(([command, summary]): Operation => {
    const approve = command === 'approve';
    return {
      name: `${command}Rotation`,
      method: 'post',
      path: `/api/rotations/{id}/${command}`,
      summary,
      ...(approve ? { body: 'ApproveRequest' } : {}),
      answers: {
        202: {
          description: 'It is on record; the rotation obeys before its next step.',
          json: 'Started',
          location: true,
        },
        ...noSuchRotation,
        ...(approve ? { ...invalidRequest, ...refused } : {}),
        409: problem(
          'Not possible in this phase: `phase` and `allowed` say more; of a plan that changed, `planHash` too.',
        ),
        ...always,
      },
    };
  }),
  {
    name: 'showPause',
    method: 'get',
    path: '/api/pause',
    summary: 'Whether all keys are paused, and why',
    answers: { 200: { description: 'Why; null if they are not.', json: 'Pause' }, ...always },
  },
  {
    name: 'pauseAll',
    method: 'post',
    path: '/api/pause',
    summary: 'Begin nothing more under any key until all are resumed',
    body: 'PauseRequest',
    answers: { 200: { description: 'All keys are paused.', json: 'Pause' }, ...invalidRequest, ...always },
  },
  {
    name: 'resumeAll',
    method: 'post',
    path: '/api/resume',
    summary: 'Let all keys go on that were paused together',
    answers: {
      200: { description: 'They go on; what was paused by itself stays paused.', json: 'Pause' },
      409: problem('The setting KEYTURN_STOP still stops everything.'),
      ...always,
    },
  },
  {
    name: 'listKeys',
    method: 'get',
    path: '/api/keys',
    summary: 'List the configured keys, and where their targets stand',
    answers: { 200: { description: 'Every key.', json: 'KeyPage' }, ...always },
  },
  {
    name: 'exportAudit',
    method: 'get',
    path: '/api/audit',
    summary: 'Export the history of a key, page by page; `key` may be left out where only one is configured',
    query: exportQuery,
    answers: {
      200: {
        description:
          'One AuditExportLine a line: records, oldest first, and on the last page what verifies them; CSV, records alone, if asked for by format or Accept. A Link header with rel="next" names the next page, without the function key.',
        text: ['application/x-ndjson', 'text/csv'],
      },
      ...invalidRequest,
      ...noSuchHistory,
      ...always,
    },
  },
  {
    name: 'verifyAudit',
    method: 'get',
    path: '/api/audit/verify',
    summary: 'Check every record, signed head and anchor of a key, and name the first record that does not hold',
    query: verifyQuery,
    answers: {
      200: { description: 'The verdict.', json: 'AuditVerification' },
      ...invalidRequest,
      ...noSuchHistory,
      ...always,
    },
  },
  {
    name: 'openApi',
    method: 'get',
    path: '/api/openapi.json',
    summary: 'This description',
    answers: { 200: { description: 'OpenAPI 3.1.' }, ...always },
  },
  {
    name: 'health',
    method: 'get',
    path: '/api/health',
    summary: 'What the app needs, and whether it is there',
    open: true,
    answers: {
      200: { description: 'Everything is there.', json: 'Health' },
      500: always[500],
      503: { description: 'Something is missing.', json: 'Health' },
    },
  },
];
