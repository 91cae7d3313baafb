import { parseErrorBody, quoted, retryAfterOf } from '../../../../shared/azure/error-body';

const secret = 'SharedAccessKey=c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA==';

describe('reading an answer', () => {
  const read = (headers: Record<string, string>) => retryAfterOf((name) => headers[name]);

  test.each([
    ['seconds', { 'retry-after': '30' }, 30],
    ['milliseconds, rounded up', { 'retry-after-ms': '1500' }, 2],
    ['milliseconds before seconds', { 'x-ms-retry-after-ms': '500', 'retry-after': '9' }, 1],
    ['a date that has passed, as now', { 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' }, 0],
    ['nonsense, as nothing', { 'retry-after': 'soon' }, undefined],
    ['nothing', {}, undefined],
  ])('the time to wait is read from %s', (_what, headers, expected) => {
    expect(read(headers as Record<string, string>)).toBe(expected);
  });

  test.each([
    ['the ARM envelope', { error: { code: 'NotFound', message: 'm' } }, 'NotFound', null],
    [
      'the flat numeric body of a hub',
      { code: 412001, httpStatusCode: 'PreconditionFailed', message: 'm' },
      '412001',
      null,
    ],
    [
      'Key Vault’s inner code',
      { error: { code: 'Forbidden', innererror: { code: 'KeyDisabled' } } },
      'Forbidden',
      'KeyDisabled',
    ],
    ['storage’s odata error', { 'odata.error': { code: 'TableNotFound' } }, 'TableNotFound', null],
    ['a code that is a sentence, as none', { error: { code: `go away ${secret}` } }, null, null],
  ])('a code is read from %s', (_what, body, code, innerCode) => {
    expect(parseErrorBody(JSON.stringify(body))).toMatchObject({ code, innerCode });
  });

  test('a page of HTML has no code and no message', () => {
    expect(parseErrorBody('<html>')).toEqual({ code: null, innerCode: null, message: '' });
  });
});

describe('quoting a service', () => {
  test.each([
    [`Invalid ${secret} supplied`],
    ['AccountKey: abc123 is wrong'],
    ['HostName=h.azure-devices.net;SharedAccessKey=abc123;x'],
    ['https://h/path?sv=1&sig=abc123&se=2'],
    ['password abc123, secret = abc123'],
    ['Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln was not accepted'],
    ['The key Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw== is old'],
  ])('I6: no secret comes through in: %s', (message) => {
    expect(quoted(message)).not.toMatch(/c2Vj|abc123|eyJ|Eby8|K1SZ/);
  });

  test('a plain sentence, a resource id and a key version come through', () => {
    const sentence =
      'Key https://v.vault.azure.net/keys/k/0123456789abcdef0123456789abcdef of /subscriptions/1/resourceGroups/g is gone.';
    expect(quoted(sentence)).toBe(sentence);
  });

  test('a long one is cut, and breaks no line', () => {
    const text = quoted(`a\nb\r\n${'word '.repeat(200)}`);
    expect(text).toHaveLength(300);
    expect(text).not.toMatch(/[\r\n]/);
  });
});
