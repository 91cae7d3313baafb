import type { CloudSeed } from '../../sandbox/cloud/seed';
import { type ChosenMode, expectationUnder, modesText, withModes } from '../../sandbox/run/modes';
import { makeSeed } from '../../sandbox/run/seed';
import { Travel } from '../../sandbox/run/travel';

const completes = { phase: 'completed', standsOn: 'next', alert: 'Completed' } as const;
const hiddenDps: ChosenMode = { service: 'dps', name: 'echoEncryption', value: false };

describe('A reading of what nobody outside Azure knows', () => {
  const modesOf = ({ hubs, provisioningServices }: CloudSeed) => [hubs[0]?.modes, provisioningServices[0]?.modes];

  test('holds for hub and DPS alike, or for the one that is named, and the last one said counts', () => {
    const chosen: ChosenMode[] = [
      { service: null, name: 'keyCache', value: '5m' },
      { service: 'dps', name: 'keyCache', value: '24h' },
      hiddenDps,
    ];
    expect(modesOf(withModes(makeSeed(new Date(0)), chosen))).toEqual([
      { keyCache: '5m' },
      { keyCache: '24h', echoEncryption: false },
    ]);
  });

  test('is named in the summary, the defaults too', () => {
    expect(modesText([])).toContain('default, the most hostile');
    expect(modesText([hiddenDps])).toBe('dps.echoEncryption=false; all others at their default');
  });

  test('under which nothing can be planned changes how a scenario must end, any other does not', () => {
    expect(expectationUnder([{ service: null, name: 'sasKeys', value: 'kept' }], completes)).toBe(completes);
    expect(expectationUnder([hiddenDps], completes)).toEqual({
      phase: 'refused',
      standsOn: { iotHub: 'previous', dps: 'no single one', dataKeys: 'previous' },
      alert: null,
      alsoAllowed: ['Keyturn.Rotation.Refused', 'Keyturn.Key.Findings'],
    });
  });
});

describe("The clock's jumps", () => {
  test('pause while anybody has a reason against them', async () => {
    const turned: boolean[] = [];
    const travel = new Travel(async (on) => void turned.push(on));
    await travel.hold('before it began');
    await travel.begin();
    await travel.hold('another');
    await travel.release('before it began');
    expect(turned).toEqual([false]);
    await travel.release('another');
    await travel.release('another');
    await travel.hold('again');
    expect(turned).toEqual([false, true, false]);
  });
});
