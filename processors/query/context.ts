import type { Logger } from '../../infra/logger.ts';
import type { LauncherDeps } from '../launch.ts';
import type { Semaphore } from '../semaphore.ts';
import type { QueryRecords } from './records.ts';

/** What the steps of a query job work with, in this process. */
export type QueryContext = {
  launching: LauncherDeps;
  records: QueryRecords;
  /** Lets nothing out of a network that containers share with the host; see `infra/engine/egress`. */
  close: (bridge: string) => Promise<void>;
  /** Where room is made for containers, one at a time, and for which bots it was, until they have theirs. */
  room: { line: Semaphore; taken: Set<string> };
  now: () => number;
  log: Logger;
};
