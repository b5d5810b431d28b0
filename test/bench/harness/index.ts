export { median, percentile } from './statistics.ts';
export { sideBySide } from './side-by-side.ts';
export { parameter } from './parameters.ts';
export { endProcess } from './node-process.ts';
export type {
  Bench,
  BenchContext,
  BenchServers,
  Figure,
  Limit,
  NodeProcess,
  NodeProcessOptions,
} from './types.ts';
