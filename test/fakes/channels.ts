import type { Alert, AlertChannel, DataPlane, DataPlaneAnswer, PlanStore } from '../../shared/rotation/ports';
import { type Fake, interference } from './interference';

/** An alert channel that keeps everything it was sent, duplicates included. */
export function fakeAlertChannel(
  effects: string[] = [],
  name = 'fake',
): Fake<AlertChannel, { readonly sent: Alert[] }> {
  const { interfere, run } = interference<AlertChannel>(effects);
  const sent: Alert[] = [];
  return {
    interfere,
    name,
    sent,
    send: (alert) =>
      run('send', alert.type, () => {
        sent.push(structuredClone(alert));
      }),
  };
}

/** A store of plan documents that keeps each under `<rotationId> <planHash>`. */
export function fakePlanStore(effects: string[] = []): Fake<PlanStore, { readonly documents: Map<string, unknown> }> {
  const { interfere, run } = interference<PlanStore>(effects);
  const documents = new Map<string, unknown>();
  return {
    interfere,
    documents,
    put: (rotationId, planHash, document) =>
      run('put', rotationId, () => {
        documents.set(`${rotationId} ${planHash}`, structuredClone(document));
      }),
  };
}

/**
 * Data planes that answer what they are told to, per host.
 * @param usual what they answer until then: `opened`, unless told
 */
export function fakeDataPlane(
  effects: string[] = [],
  usual: (hostName: string) => DataPlaneAnswer = (hostName) => ({
    answer: 'opened',
    message: `${hostName} opened its data.`,
  }),
): Fake<DataPlane, { readonly answers: Map<string, DataPlaneAnswer> }> {
  const { interfere, run } = interference<DataPlane>(effects);
  const answers = new Map<string, DataPlaneAnswer>();
  const answer = (hostName: string): DataPlaneAnswer => structuredClone(answers.get(hostName) ?? usual(hostName));
  return {
    interfere,
    answers,
    readTwin: (hostName, id) => run('readTwin', id, () => answer(hostName)),
    readEnrollment: (hostName, id) => run('readEnrollment', id, () => answer(hostName)),
  };
}
