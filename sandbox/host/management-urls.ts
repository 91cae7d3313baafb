import type { ManagementUrls } from './management-api';

const taskHubName = 'KeyturnLocal';
const query = `taskHub=${taskHubName}&connection=Storage`;

/** @param base where the app's port serves the management surface, with a trailing slash */
export function managementUrls(base: string): ManagementUrls {
  return (instanceId) => {
    const instance = `${base}instances/${instanceId}`;
    return {
      id: instanceId,
      statusQueryGetUri: `${instance}?${query}`,
      sendEventPostUri: `${instance}/raiseEvent/{eventName}?${query}`,
      terminatePostUri: `${instance}/terminate?reason={text}&${query}`,
      rewindPostUri: `${instance}/rewind?reason={text}&${query}`,
      purgeHistoryDeleteUri: `${instance}?${query}`,
      restartPostUri: `${instance}/restart?${query}`,
      suspendPostUri: `${instance}/suspend?reason={text}&${query}`,
      resumePostUri: `${instance}/resume?reason={text}&${query}`,
    };
  };
}

/** What a `durableClient` input binding carries, as JSON. */
export function durableClientBinding(urls: ManagementUrls, base: string, rpcBaseUrl: string): () => string {
  const binding = JSON.stringify({
    taskHubName,
    creationUrls: {
      createNewInstancePostUri: `${base}orchestrators/{functionName}[/{instanceId}]?${query}`,
      createAndWaitOnNewInstancePostUri: `${base}orchestrators/{functionName}[/{instanceId}]?timeout={timeoutInSeconds}&pollingInterval={intervalInSeconds}&${query}`,
    },
    managementUrls: urls('INSTANCEID'),
    baseUrl: base.replace(/\/$/, ''),
    requiredQueryStringParameters: query,
    rpcBaseUrl,
  });
  return () => binding;
}
