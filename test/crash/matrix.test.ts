import { mustBeAsDocumented } from './document';
import { runs } from './runs';

test.each(runs)(
  '$name: killed before and after each effect, and with its answer lost, it comes to the same end',
  mustBeAsDocumented,
  600_000,
);
