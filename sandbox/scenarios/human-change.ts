import { names } from '../run/seed';
import type { Scenario } from '../run/stage';

/** Machine milliseconds that Keyturn's write is on its way: long enough for somebody else's to be done before it arrives. */
const ON_ITS_WAY = 2500;
const tags = { changedBy: 'a person' };

export const humanChange: Scenario = {
  name: 'human-change',
  title: "a person changes the hub between Keyturn's reading and writing: 412, read again, both changes are there",
  expect: { phase: 'completed', standsOn: 'next', alert: 'Keyturn.Rotation.Completed' },
  async play(stage) {
    await stage.setModes(names.hub, { operationSeconds: 0 });
    const effect = { kind: 'latency' as const, milliseconds: ON_ITS_WAY };
    await stage.fault({ standIn: 'arm', operation: 'putHub', times: 1, effect });
    await stage.nearExpiry();
    await stage.waitFor('the rewrap', ({ phase }) => phase === 'rewrapping');
    // The last reads before the write; what comes after them meets it on its way.
    await stage.until("Keyturn to have read the hub's SAS keys", async () => {
      const asked = await stage.requests('arm');
      return (
        asked.filter(({ operation, principal }) => operation === 'listHubKeys' && principal === 'keyturn').length >= 2
      );
    });
    await stage.people.tagHub(tags);
    stage.say('a person has tagged the hub');
    await stage.ended();
    const refused = (await stage.requests('arm')).filter(({ operation, status }) => {
      return operation === 'putHub' && status === 412;
    });
    stage.must(refused.length === 1, `one write had to be answered 412, and ${refused.length} were`);
    const now = await stage.people.hubTags();
    stage.must(now['changedBy'] === tags.changedBy, "the person's change was overwritten");
  },
};
