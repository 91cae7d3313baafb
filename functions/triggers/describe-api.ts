import * as z from 'zod';
import { type Answer, type Component, components, type Operation, operations } from './api-routes';

type Json = Record<string, unknown>;

/** The description, OpenAPI 3.1, whose schemas are JSON Schema 2020-12. */
export function describeApi(): Json {
  const paths: Record<string, Json> = {};
  for (const operation of operations) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: describe(operation) };
  }
  const keyInQuery = { type: 'apiKey', in: 'query', name: 'code' };
  const keyInHeader = { type: 'apiKey', in: 'header', name: 'x-functions-key' };
  return {
    openapi: '3.1.0',
    info: {
      title: 'Keyturn',
      version: '0.1.0',
      description:
        'Rotates the customer-managed key under Azure IoT Hub, DPS and wrapped data keys. Without a function key the platform answers 401 by itself.',
    },
    security: [{ keyInQuery: [] }, { keyInHeader: [] }],
    paths,
    components: { schemas: schemasOf(), securitySchemes: { keyInQuery, keyInHeader } },
  };
}

function schemasOf(): Json {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(components)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { io: 'input', uri: refTo });
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, withoutIdentity(schema)]));
}

const refTo = (component: string): string => `#/components/schemas/${component}`;

/** Inside one document a schema has no dialect and no address of its own. */
function withoutIdentity({ $schema: _dialect, $id: _address, id: _id, ...schema }: Json): Json {
  return schema;
}

function describe({ name, path, summary, query, headers = {}, body, open, answers }: Operation): Json {
  const parameters = [
    ...(path.includes('{id}') ? [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }] : []),
    ...(query === undefined ? [] : queryParameters(query)),
    ...Object.entries(headers).map(([header, schema]) => parameter(header, 'header', schemaOf(schema), false)),
  ];
  return {
    operationId: name,
    summary,
    ...(open ? { security: [] } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: jsonOf(body) } }),
    responses: Object.fromEntries(
      Object.entries({ ...(open ? {} : refusals), ...limits, ...answers }).map(([status, answer]) => [
        status,
        response(status, answer),
      ]),
    ),
  };
}

/** Of every route, before anything of the request is looked at. */
const limits: Readonly<Record<number, Answer>> = {
  413: { description: 'The body is longer than 16 KiB.' },
  429: { description: 'Too many requests; Retry-After says when to ask again.' },
};
const refusals: Readonly<Record<number, Answer>> = {
  401: { description: 'The platform did not say who asks, and roles are configured.' },
  403: { description: 'Who asks has not the role that is needed, or approves what he asked for himself.' },
};

function queryParameters(query: z.ZodObject): Json[] {
  const { properties = {}, required = [] } = schemaOf(query) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, schema]) => parameter(name, 'query', schema, required.includes(name)));
}

const schemaOf = (schema: z.ZodType): Json => withoutIdentity(z.toJSONSchema(schema, { io: 'input' }));

/** A parameter that may be left out is never sent as null. */
function parameter(name: string, place: 'query' | 'header', schema: Json, required: boolean): Json {
  const { default: preset, anyOf, ...rest } = schema as Json & { anyOf?: readonly Json[] };
  const [only, ...more] = (anyOf ?? []).filter(({ type }) => type !== 'null');
  const alone = only === undefined || more.length > 0 ? (anyOf === undefined ? {} : { anyOf }) : only;
  const kept = preset === null || preset === undefined ? {} : { default: preset };
  return { name, in: place, required, schema: { ...rest, ...alone, ...kept } };
}

const jsonOf = (component: Component, type = 'application/json'): Json => ({
  [type]: { schema: { $ref: refTo(component) } },
});

function response(status: string, { description, json: component, text, location }: Answer): Json {
  const failed = Number(status) >= 400 && component === undefined;
  if (failed) {
    const wait =
      status === '503' || status === '429'
        ? { headers: { 'Retry-After': { schema: { type: 'integer', minimum: 1 } } } }
        : {};
    return { description, ...wait, content: jsonOf('Problem', 'application/problem+json') };
  }
  if (text !== undefined) {
    return { description, content: Object.fromEntries(text.map((type) => [type, { schema: { type: 'string' } }])) };
  }
  const headers = location ? { headers: { Location: { schema: { type: 'string', format: 'uri' } } } } : {};
  if (component === undefined) return { description, content: { 'application/json': { schema: { type: 'object' } } } };
  return { description, ...headers, content: jsonOf(component) };
}
