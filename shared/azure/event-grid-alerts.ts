import type { TokenCredential } from '@azure/core-auth';
import { AzureKeyCredential, EventGridPublisherClient } from '@azure/eventgrid';
import type { AlertTopic } from '../config';
import type { AlertChannel } from '../rotation/ports';
import { clientOptions, requestTimeouts } from './requests';
import { attempt } from './status-codes';

/** Publishes alerts to a custom topic in Event Grid's own schema, each under its own stable id, so that repeats can be told. */
export function createEventGridAlerts(topic: AlertTopic, credential: TokenCredential): AlertChannel {
  const client = new EventGridPublisherClient(
    topic.endpoint,
    'EventGrid',
    topic.key === null ? credential : new AzureKeyCredential(topic.key),
    clientOptions(requestTimeouts.alert),
  );
  return {
    name: 'event-grid',
    async send({ id, type, subject, time, data }) {
      await attempt({ service: 'event-grid', what: `publish alert ${type}` }, () =>
        client.send([{ id, eventType: type, subject, eventTime: new Date(time), dataVersion: '1', data }]),
      );
    },
  };
}
