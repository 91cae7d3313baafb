import { command, sectionFrom, sectionInDocument } from './document';
import { playMatrix } from './matrix';
import { moreRuns } from './more-runs';

test.each(moreRuns)(
  '$name: killed before and after each effect, and with its answer lost, it comes to the same end',
  async (run) => {
    const matrix = await playMatrix(run);
    expect(matrix.problems).toEqual([]);
    const section = sectionFrom(run, matrix);
    if (section !== sectionInDocument(run, section)) {
      throw new Error(
        `docs/crash-matrix.md says something else of "${run.name}". If it should not, write it anew: ${command}`,
      );
    }
  },
  600_000,
);
