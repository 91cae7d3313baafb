import type { TokenCredential } from '@azure/core-auth';
import { createDefaultHttpClient, type HttpClient } from '@azure/core-rest-pipeline';
import { apiVersion } from './release';

/** Lowkey Vault asks for a token and looks into none. */
export const anyToken: TokenCredential = {
  getToken: async () => ({ token: 'not-looked-at', expiresOnTimestamp: Date.now() + 3_600_000 }),
};

/**
 * Sends as the SDK would, but trusts this one certificate and nothing else, and asks in a version of the API that the release knows: our adapter
 * asks in the SDK's newest, and must not learn another for a test's sake.
 */
export function clientOf(ca: string, inner: HttpClient = createDefaultHttpClient()): HttpClient {
  // One object, because the pipeline keeps one pool of connections for each.
  const tlsSettings = { ca };
  return {
    sendRequest(request) {
      const url = new URL(request.url);
      url.searchParams.set('api-version', apiVersion);
      request.url = url.href;
      request.tlsSettings = tlsSettings;
      return inner.sendRequest(request);
    },
  };
}
