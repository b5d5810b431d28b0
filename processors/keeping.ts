import type { ContainerSpec } from '../infra/engine/port.ts';

/**
 * What is kept of a container beyond its end, as those see it who start, stop and remove containers: `logs/` and `state/`
 * do it. `id` is the bot's or the schedule's.
 */
export type Keeping = {
  /**
   * Saves what an ended container's output still holds. After it, the container may be removed. Safe to repeat.
   * @throws NotKept when object storage does not take it just now: the container, which holds it, has to stay.
   */
  output(id: string, containerId: string, signal: AbortSignal): Promise<void>;
  /**
   * Saves the state after an end, as far as that can be done within `signal`. Never throws for want of storage: the volume
   * keeps it, and it is saved later.
   */
  state(id: string, signal: AbortSignal): Promise<void>;
  /**
   * Gets the state of a container that was created and is not started yet: gives the volume to the bot's user, restores the
   * archive where the volume is new or the platform changed it. Nothing else of the bot runs meanwhile, but where it is
   * `shared`: runs of a schedule that may be at work at once.
   * @throws StartProblem `state_unavailable` (retryable): the bot does not start without its state.
   * @throws StartProblem `state_too_large`, `bad_state` (for good): says what its owner can do.
   */
  restore(
    id: string,
    container: { id: string; spec: ContainerSpec },
    options: { nonce: string; shared: boolean; signal: AbortSignal },
  ): Promise<void>;
  /** Why a bot that runs has to be stopped, or started anew, for its state: read under the bot's lock, before it is left running. */
  verdict(id: string): Promise<StateVerdict>;
};

export type StateVerdict =
  /** `notes`: what its owner should know all the same, such as files that are not saved. */
  | { kind: 'fine'; notes?: readonly string[] }
  /** The platform edited or deleted the archive while it ran: it is started anew with that. `reason` in plain words. */
  | { kind: 'restart'; reason: string }
  /** Over its limit: stopped for good, until the limit, its config or its state is changed. */
  | { kind: 'stop'; reason: string };

/** Output that object storage does not take just now. */
export class NotKept extends Error {
  override readonly name = 'NotKept';
  readonly code = 'output_not_saved';
  readonly retryable = true;
}
