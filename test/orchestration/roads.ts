import type { Play } from './harness';
import { roadsOfOtherRuns } from './roads-of-other-runs';
import { roadsOfRetirements } from './roads-of-retirements';
import { roadsOfRotations } from './roads-of-rotations';

/** Every road through every story, by the name of its recording. */
export const roads: Readonly<Record<string, Play>> = {
  ...roadsOfRotations,
  ...roadsOfOtherRuns,
  ...roadsOfRetirements,
};
