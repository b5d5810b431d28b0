/** The part of a job that is used. `opts.priority`: what it was queued with. */
type Prioritised = {
  readonly opts: { priority?: number };
  changePriority(options: { priority: number }): Promise<void>;
};

/**
 * A job whose container may run goes before all that have not started, should it get back on the queue for whatever reason
 * (an error, the death of its processor): until somebody has it again, nobody watches its container.
 */
export class WatchPriority {
  readonly #job: Prioritised;
  #raising: Promise<void> | undefined;

  constructor(job: Prioritised) {
    this.#job = job;
  }

  /** Does not fail: it makes a job come sooner, and none comes wrongly for want of it. */
  raise(): void {
    this.#raising ??= this.#job.changePriority({ priority: 0 }).catch(() => undefined);
  }

  /** Before the job goes back. `isHandedBack`: its processor leaves; otherwise the run itself has to wait, like others. */
  async leave(isHandedBack: boolean): Promise<void> {
    const wasRaised = this.#raising !== undefined;
    await this.#raising;
    if (isHandedBack) await this.#job.changePriority({ priority: 0 });
    else if (wasRaised) await this.#job.changePriority({ priority: this.#job.opts.priority ?? 1 });
  }
}
