import { availableParallelism, cpus, loadavg } from 'node:os';

/** What the figures were measured on; a load well above 0 before the start means that they are somebody else's too. */
export function machine() {
  return {
    at: new Date().toISOString(),
    processor: cpus()[0]?.model.trim() ?? 'unknown processor',
    cores: availableParallelism(),
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    loadBefore: Number((loadavg()[0] ?? 0).toFixed(2)),
  };
}
