import { mustBeAsDocumented } from './document';
import { moreRuns } from './more-runs';

test.each(moreRuns)(
  '$name: killed before and after each effect, and with its answer lost, it comes to the same end',
  mustBeAsDocumented,
  600_000,
);
