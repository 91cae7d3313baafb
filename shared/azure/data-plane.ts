import type { TokenCredential } from '@azure/core-auth';
import {
  bearerTokenAuthenticationPolicy,
  createDefaultHttpClient,
  createHttpHeaders,
  createPipelineFromOptions,
  createPipelineRequest,
  type HttpClient,
  type PipelineResponse,
} from '@azure/core-rest-pipeline';
import type { Cloud } from '../config';
import { FaultError, RefusalError } from '../rotation/errors';
import type { DataPlane, DataPlaneAnswer } from '../rotation/ports';
import { parseErrorBody } from './error-body';
import { requestTimeouts, timeoutPolicy } from './requests';
import { translateError } from './status-codes';

/** azure-iothub 1.16.6 and azure-iot-provisioning-service 1.11.2 speak these versions. */
const apiVersions = { twins: '2021-04-12', enrollments: '2021-10-01' } as const;

/** Cheap reads of data that the services hold encrypted. Never throws: what is not an answer is *unknown*. */
export function createDataPlane(
  credential: TokenCredential,
  { iotHubAudience, dpsAudience }: Pick<Cloud, 'iotHubAudience' | 'dpsAudience'>,
  httpClient: HttpClient = createDefaultHttpClient(),
): DataPlane {
  const twins = createReader(credential, iotHubAudience, httpClient);
  const enrollments = createReader(credential, dpsAudience, httpClient);
  return {
    readTwin: (hostName, id) =>
      twins(hostName, `/twins/${encodeURIComponent(id)}?api-version=${apiVersions.twins}`, { member: 'deviceId', id }),
    readEnrollment: (hostName, id) =>
      enrollments(hostName, `/enrollments/${encodeURIComponent(id)}?api-version=${apiVersions.enrollments}`, {
        member: 'registrationId',
        id,
      }),
  };
}

interface Expected {
  readonly member: string;
  readonly id: string;
}

function createReader(credential: TokenCredential, audience: string | null, client: HttpClient) {
  const pipeline = createPipelineFromOptions({
    // A probe that fails is repeated by the soak, not here: retries would hide what it is there to see.
    retryOptions: { maxRetries: 0 },
    redirectOptions: { maxRetries: 0 },
    userAgentOptions: { userAgentPrefix: 'keyturn' },
  });
  pipeline.addPolicy(timeoutPolicy(requestTimeouts.probe), { afterPhase: 'Sign' });
  if (audience !== null) {
    pipeline.addPolicy(bearerTokenAuthenticationPolicy({ credential, scopes: `${audience}/.default` }));
  }
  return async (hostName: string, path: string, expected: Expected): Promise<DataPlaneAnswer> => {
    if (audience === null) return unknown('the audience of this data plane is not configured');
    if (!isHost(hostName)) return unknown('its resource names no usable host');
    try {
      const request = createPipelineRequest({
        url: `https://${hostName}${path}`,
        headers: createHttpHeaders({ accept: 'application/json' }),
      });
      return judge(await pipeline.sendRequest(client, request), hostName, expected);
    } catch (error) {
      const translated = translateError({ service: 'data-plane', what: `read ${expected.id} from ${hostName}` }, error);
      if (translated instanceof FaultError || translated instanceof RefusalError) return unknown(translated.message);
      throw translated;
    }
  };
}

const unknown = (why: string): DataPlaneAnswer => ({ answer: 'unknown', message: why });

/**
 * No error code is documented for a key that cannot be used, on either service. So: a refusal that speaks of the key, or a
 * 500, is the service saying that it cannot open the data. Throttling, sign-in and what may pass by itself say nothing about
 * the data: a vault that is away for an hour is no reason to roll back.
 */
function judge(response: PipelineResponse, hostName: string, { member, id }: Expected): DataPlaneAnswer {
  const { status, bodyAsText } = response;
  const { code, message } = parseErrorBody(bodyAsText);
  const answered = `${hostName} answered ${[status, code].filter((part) => part !== null).join(' ')} for ${id}`;
  if (status === 200) {
    if (holds(bodyAsText, member, id)) return { answer: 'opened', message: `${hostName} opened ${id}.` };
    return { answer: 'unreadable', message: `${answered}, but without its data.` };
  }
  if (status === 404) {
    return {
      answer: 'not-found',
      message: `${answered}. Create this sentinel again, or name another in rotation.json.`,
    };
  }
  if (speaksOfKey.test(`${code} ${message}`) && !passing.has(status)) {
    return { answer: 'unreadable', message: `${answered}: it says that it cannot use its key.` };
  }
  if (status === 500) return { answer: 'unreadable', message: `${answered}: it failed to read its own data.` };
  if (status === 401 || status === 403) {
    return unknown(`${answered}. Give the identity of this app the data reader role on it.`);
  }
  return unknown(`${answered}, which says nothing about the data.`);
}

const speaksOfKey = /key ?vault|customer.?managed|encryption key|\bCMK\b|unwrap|decrypt/i;
const passing = new Set([408, 429, 502, 503, 504]);

function holds(text: string | null | undefined, member: string, id: string): boolean {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return typeof value === 'object' && value !== null && (value as Record<string, unknown>)[member] === id;
  } catch {
    return false;
  }
}

/** The token goes to the host and nowhere else: no path, no user, no query smuggled in with the name. */
function isHost(hostName: string): boolean {
  return /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$/i.test(hostName);
}
