/** Reading the errors of services and of their SDKs: what they say, in whichever form, and nothing else that they hold. */

/** The parts of an answer that decide; everything else of it stays out of messages and logs. */
export interface Answer {
  readonly status: number;
  /** The service's own error code: `Forbidden`, `409002`. */
  readonly code: string | null;
  /** Key Vault's `innererror.code`: `KeyDisabled`. */
  readonly innerCode: string | null;
  readonly retryAfterSeconds: number | undefined;
}

/** HTTP status of an SDK error; null if nothing was answered. */
export function statusOf(error: unknown): number | null {
  const status = field(error, 'statusCode');
  return typeof status === 'number' && status > 0 ? status : null;
}

/** The service's own error code (`TableNotFound`); null if the error carries none. */
export function codeOf(error: unknown): string | null {
  // The table SDK keeps the body's code only in the body, other SDKs put it on the error.
  return parseErrorBody(bodyOf(error)).code ?? safeCode(field(error, 'code'));
}

/** What decides of a response outside 2xx. */
export function answerOf(response: { status: number; bodyAsText?: string | null; headers: Headers }): Answer {
  const { code, innerCode } = parseErrorBody(response.bodyAsText);
  return {
    status: response.status,
    code,
    innerCode,
    retryAfterSeconds: retryAfterOf((name) => response.headers.get(name)),
  };
}

interface Headers {
  get(name: string): string | undefined;
}

/** The body as it came; Key Vault's SDK keeps none, but its `details` are the body with members renamed. */
const bodyOf = (error: unknown): unknown => field(field(error, 'response'), 'bodyAsText') ?? field(error, 'details');

/** What decides of an SDK error that carries a status. */
export function readAnswer(status: number, error: Error): Answer {
  const response = field(error, 'response');
  return {
    status,
    code: codeOf(error),
    innerCode: parseErrorBody(bodyOf(error)).innerCode,
    retryAfterSeconds: retryAfterOf((name) => header(response, name)),
  };
}

/** What a service said about an error, and nothing else of its body. */
export interface ErrorBody {
  readonly code: string | null;
  readonly innerCode: string | null;
  readonly message: string;
}

/**
 * Error codes of a body: the ARM envelope `{error: {code}}`, Key Vault's `innererror`, storage's `odata.error`, the flat
 * numeric body of IoT Hub and DPS (`{"code": 412001}`: crossplane provider-upjet-azure issue 299, 2023-02-03), and those of
 * their data planes (`{"Message": "ErrorCode:DeviceNotFound;…"}`, `{"errorCode": 404204}`).
 */
export function parseErrorBody(text: unknown): ErrorBody {
  const body = parseObject(text);
  const envelope = field(body, 'error') ?? field(body, 'odata.error') ?? body;
  const said = field(envelope, 'message') ?? field(envelope, 'Message');
  const message = typeof said === 'string' ? said : '';
  const [, coded] = /^ErrorCode:(\w+);/.exec(message) ?? [];
  return {
    code: safeCode(field(envelope, 'code') ?? field(envelope, 'errorCode') ?? coded),
    innerCode: safeCode(field(field(envelope, 'innererror') ?? field(envelope, 'innerError'), 'code')),
    message,
  };
}

function parseObject(text: unknown): unknown {
  if (typeof text !== 'string') return typeof text === 'object' ? text : null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Seconds that the service asked to wait; undefined if it did not say, or said nonsense. An HTTP date counts from this machine's clock. */
export function retryAfterOf(get: (name: string) => string | null | undefined): number | undefined {
  const milliseconds = Number(get('retry-after-ms') ?? get('x-ms-retry-after-ms') ?? Number.NaN);
  if (Number.isFinite(milliseconds) && milliseconds >= 0) return Math.ceil(milliseconds / 1000);
  const value = get('retry-after');
  if (!value) return undefined;
  const seconds = /^\d+$/.test(value.trim()) ? Number(value) : Math.ceil((Date.parse(value) - Date.now()) / 1000);
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}

/**
 * A service's own sentence, made fit for a message: one line, short, and without anything that looks like a key, a token or
 * a signature (services quote what they were sent).
 */
export function quoted(message: string): string {
  const clean = message
    .replace(/\p{Cc}+/gu, ' ')
    .replace(
      /(SharedAccessKey|AccountKey|SharedAccessSignature|sig|password|secret|Bearer)(\s*[=:]?\s*)[^\s;&"',]+/gi,
      '$1$2…',
    )
    .replace(/eyJ[\w-]+(\.[\w-]*)*/g, '…')
    .replace(/[A-Za-z0-9+/]{20,}={1,2}/g, '…')
    .replace(/[A-Za-z0-9+_-]{40,}/g, '…')
    .trim();
  return clean.length > 300 ? `${clean.slice(0, 299).toWellFormed()}…` : clean;
}

/** Codes are words or numbers; anything else that a stranger sends under this name stays out of messages. */
function safeCode(code: unknown): string | null {
  if (typeof code === 'number') return String(code);
  return typeof code === 'string' && /^[\w.:-]{1,80}$/.test(code) ? code : null;
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function header(response: unknown, name: string): string | undefined {
  const headers = field(response, 'headers') as { get?: (name: string) => string | undefined } | undefined;
  return typeof headers?.get === 'function' ? headers.get(name) : undefined;
}
