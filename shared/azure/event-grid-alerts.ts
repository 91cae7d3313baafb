import type { TokenCredential } from '@azure/core-auth';
import type { HttpClient, PipelineResponse } from '@azure/core-rest-pipeline';
import { AzureKeyCredential, EventGridPublisherClient } from '@azure/eventgrid';
import type { AlertTopic } from '../config';
import type { AlertChannel } from '../rotation/ports';
import { answerOf } from './error-body';
import { clientOptions, requestTimeouts } from './requests';
import { attempt, translateAnswer } from './status-codes';

/** Publishes alerts to a custom topic in Event Grid's own schema, each under its own stable id, so that repeats can be told. */
export function createEventGridAlerts(
  topic: AlertTopic,
  credential: TokenCredential,
  httpClient?: HttpClient,
): AlertChannel {
  const client = new EventGridPublisherClient(
    topic.endpoint,
    'EventGrid',
    topic.key === null ? credential : new AzureKeyCredential(topic.key),
    { ...clientOptions(requestTimeouts.alert), ...(httpClient === undefined ? {} : { httpClient }) },
  );
  return {
    name: 'event-grid',
    async send({ id, type, subject, time, data }) {
      const doing = { service: 'event-grid', what: `publish alert ${type}` } as const;
      await attempt(doing, async () => {
        let answer: PipelineResponse | undefined;
        const event = { id, eventType: type, subject, eventTime: new Date(time), dataVersion: '1', data };
        // Version 5.12.0 takes every status for a success: the alert would be lost without a word.
        await client.send([event], {
          onResponse: (response) => {
            answer = response;
          },
        });
        if (answer !== undefined && answer.status >= 300) throw translateAnswer(doing, answerOf(answer));
      });
    },
  };
}
