import { parseArguments, UsageError } from '../../sandbox/run/arguments';

const scenarios = ['near-expiry', 'manual'];

describe('The command line of npm start', () => {
  test('plays near-expiry on the documented ports and stays up when nothing is asked for', () => {
    expect(parseArguments([], scenarios)).toEqual({
      scenario: 'near-expiry',
      once: false,
      json: false,
      list: false,
      help: false,
      ports: 'fixed',
      app: null,
      modes: [],
    });
  });

  test.each([
    ['values after a space', ['--once', '--json', '--scenario', 'manual', '--ports', 'auto', '--app', 'dist/bundle']],
    ['values after an equals sign', ['--scenario=manual', '--ports=auto', '--json', '--once', '--app=dist/bundle']],
  ])('takes %s', (_, args) => {
    const expected = { scenario: 'manual', once: true, json: true, ports: 'auto', app: 'dist/bundle' };
    expect(parseArguments(args, scenarios)).toMatchObject(expected);
  });

  test('takes readings of what nobody knows, as many as are given, for both services or for one', () => {
    const args = ['--mode', 'sasKeys=kept', '--mode=dps.echoEncryption=false', '--mode', 'hub.operationSeconds=90'];
    expect(parseArguments(args, scenarios).modes).toEqual([
      { service: null, name: 'sasKeys', value: 'kept' },
      { service: 'dps', name: 'echoEncryption', value: false },
      { service: 'hub', name: 'operationSeconds', value: 90 },
    ]);
  });

  test.each([
    ['an unknown mode', ['--mode', 'sasKey=kept'], /does not know the mode "sasKey=kept"; one of sasKeys=wiped\|kept/],
    ['an unknown reading', ['--mode', 'keyCache=1h'], /keyCache does not know "1h"; one of 24h, 5m/],
    ['a mode of something else', ['--mode', 'vault.keyCache=5m'], /does not know the mode/],
    ['no number', ['--mode', 'staleReads=often'], /staleReads does not know "often"; a whole number/],
    ['a mode without a reading', ['--mode'], /--mode needs a value/],
    ['an unknown argument', ['--twice'], /unknown argument --twice[\s\S]*--once[\s\S]*--ports auto/],
    ['a value for a switch', ['--once=yes'], /unknown argument --once=yes/],
    ['an unknown scenario', ['--scenario', 'nearly'], /"nearly"; one of near-expiry, manual/],
    ['a scenario without a name', ['--scenario'], /--scenario needs a value; one of near-expiry, manual/],
    ['unknown ports', ['--ports', '8080'], /"8080"; one of fixed, auto/],
    ['an app without a folder', ['--app'], /--app needs a folder/],
    ['a word on its own', ['manual'], /unknown argument manual/],
    ['the name of an inherited member', ['toString'], /unknown argument toString/],
  ])('refuses %s and names the choices', (_, args, message) => {
    const parse = () => parseArguments(args, scenarios);
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(message);
  });
});
