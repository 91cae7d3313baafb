import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createDefaultHttpClient, createEmptyPipeline, createPipelineRequest } from '@azure/core-rest-pipeline';
import { quickRetryPolicy, timeoutPolicy } from '../../../../shared/azure/requests';

let server: Server;
let requests = 0;

/** Speaks its headers and half a body, and then no more. */
beforeAll(async () => {
  server = createServer((_request, response) => {
    requests += 1;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write('{"half":');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

function send(milliseconds: number, abortSignal?: AbortSignal) {
  const pipeline = createEmptyPipeline();
  pipeline.addPolicy(quickRetryPolicy());
  pipeline.addPolicy(timeoutPolicy(milliseconds));
  const { port } = server.address() as AddressInfo;
  const request = createPipelineRequest({ url: `http://127.0.0.1:${port}/`, allowInsecureConnection: true });
  if (abortSignal) request.abortSignal = abortSignal;
  return pipeline.sendRequest(createDefaultHttpClient(), request);
}

test('a service that stops in the middle of its answer is given up on, and not asked again', async () => {
  requests = 0;
  await expect(send(1000)).rejects.toMatchObject({ name: 'TimeoutError' });
  expect(requests).toBe(1);
});

test('whoever asked may give up sooner', async () => {
  const asking = new AbortController();
  const answer = send(60_000, asking.signal);
  asking.abort();
  await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
});
