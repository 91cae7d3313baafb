import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigurationError, type Environment, loadConfiguration } from '../../../../shared/config';

const environment: Environment = {
  AzureWebJobsStorage:
    'DefaultEndpointsProtocol=https;AccountName=a;AccountKey=c2VjcmV0;EndpointSuffix=core.windows.net',
  KEYTURN_ALERT_TOPIC_ENDPOINT: 'https://alerts.westeurope-1.eventgrid.azure.net/api/events',
};
const keys = [
  {
    key: 'https://fabrikam.vault.azure.net/keys/kek',
    targets: [{ kind: 'dataKeys', name: 'telemetry', table: 'Telemetry' }],
  },
];
const sunday = { days: ['sun'], from: '02:00', to: '04:00', timeZone: 'Europe/Berlin' };

const load = (content: object) => loadConfiguration(environment, () => JSON.stringify(content));
const withWindows = (...windows: object[]) => ({ keys: keys.map((key) => ({ ...key, windows })) });

/** The settings at fault, without the file's name, and what the error says of them. */
function refused(content: object): { settings: string[]; message: string } {
  try {
    load(content);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return {
      settings: error.problems.map(({ setting }) => setting.replace('rotation.json ', '')),
      message: error.message,
    };
  }
  throw new Error('The configuration was expected to be refused.');
}

test('a change window is taken from the key, else from the defaults, and is always open where neither names one', () => {
  const read = { days: ['sun'], fromMinute: 120, toMinute: 240, timeZone: 'Europe/Berlin' };
  expect(load(withWindows(sunday)).keys[0]?.windows).toEqual([read]);
  expect(load({ keys, defaults: { windows: [sunday] } }).keys[0]?.windows).toEqual([read]);
  expect(load({ ...withWindows(), defaults: { windows: [sunday] } }).keys[0]?.windows).toEqual([]);
  expect(load({ keys }).keys[0]?.windows).toEqual([]);
});

test.each([
  ['an unknown time zone', { timeZone: 'Europe/Atlantis' }, '.timeZone', /"Europe\/Atlantis" is not a time zone/],
  ['a window without length', { to: '02:00' }, '', /never opens/],
  ['a window that begins when the day is over', { from: '24:00' }, '', /never opens/],
  ['a window without days', { days: [] }, '.days', /never opens/],
  ['a window without weeks', { weeks: [] }, '.weeks', /never opens/],
  ['a day named twice', { days: ['sun', 'mon', 'sun'] }, '.days', /sun twice: the window overlaps itself/],
  ['a week named twice', { weeks: [1, 1] }, '.weeks', /1 twice: the window overlaps itself/],
  ['a sixth week', { weeks: [6] }, '.weeks[0]', /weeks/],
  ['an unknown day', { days: ['Sunday'] }, '.days[0]', /is not a day/],
  ['a time that no clock shows', { from: '25:00' }, '.from', /is not a time of day/],
  ['an end at the beginning of a day', { to: '00:00' }, '.to', /24:00/],
])('refuses %s, by name', (_, change, place, says) => {
  const { settings, message } = refused(withWindows({ ...sunday, ...change }));
  expect(settings).toEqual([`keys[0].windows[0]${place}`]);
  expect(message).toMatch(says);
});

test('refuses windows that overlap, in different time zones too', () => {
  const early = { ...sunday, from: '00:30', to: '01:30', timeZone: 'UTC' };
  const { settings, message } = refused(withWindows(sunday, { ...sunday, days: ['mon'] }, early));
  expect(settings).toEqual(['keys[0].windows[2]']);
  expect(message).toMatch(/overlaps .*windows\[0\]/);
});

test('names every fault at once, those of the defaults too', () => {
  const { settings } = refused({
    ...withWindows({ ...sunday, timeZone: 'CEST', to: '02:00' }, { ...sunday, days: [] }),
    defaults: { windows: [{ ...sunday, timeZone: 'nowhere' }] },
  });
  expect(settings.toSorted()).toEqual([
    'defaults.windows[0].timeZone',
    'keys[0].windows[0]',
    'keys[0].windows[0].timeZone',
    'keys[0].windows[1].days',
  ]);
});

test('a window that cannot be read hides no fault of those beside it, and takes part in no overlap', () => {
  const { settings } = refused({
    ...withWindows({ ...sunday, from: 2 }, sunday, { ...sunday, to: '02:00' }, sunday, []),
    defaults: {
      soak: 'long',
      windows: [
        { ...sunday, days: 'sun' },
        { ...sunday, timeZone: 'nowhere' },
      ],
    },
  });
  expect(settings.toSorted()).toEqual([
    'defaults.soak',
    'defaults.windows[0].days',
    'defaults.windows[1].timeZone',
    'keys[0].windows[0].from',
    'keys[0].windows[2]',
    'keys[0].windows[3]',
    'keys[0].windows[4]',
  ]);
});

test('the document names every member of a window', () => {
  const text = readFileSync(join(process.cwd(), 'docs', 'configuration.md'), 'utf8');
  for (const member of ['windows', 'days', 'weeks', 'from', 'to', 'timeZone']) expect(text).toContain(`\`${member}\``);
});
