import type { Logger } from '../../logger.ts';
import type { CallOptions, EngineCapabilities } from '../port.ts';
import type { DockerClient } from './client.ts';

/** What the operations on one engine share. */
export type DockerContext = {
  readonly installation: string;
  readonly client: DockerClient;
  readonly log: Logger;
  /** For calls that a loaded host answers late: create, start, remove, volumes. */
  readonly slowCallTimeoutMs: number;
  /** For the longest pause within a transfer or a pull. */
  readonly stallTimeoutMs: number;
  capabilities(options?: CallOptions): Promise<EngineCapabilities>;
  /** Throws `EngineRefused` for the container of another installation, so that no id of one is ever acted upon. */
  requireOwn(id: string, options?: CallOptions): Promise<void>;
  /** Notes an id as this installation's own, which spares `requireOwn` a look. */
  own(id: string): void;
};
