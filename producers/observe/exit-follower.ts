import type { Engine } from '../../infra/engine/port.ts';
import { OutageLog, type Logger } from '../../infra/logger.ts';
import { inSpan } from '../../infra/tracing/tracing.ts';
import { LABEL } from '../../model/labels.ts';
import type { BotQueues } from '../../queues/queues.ts';
import { pause } from '../../infra/pause.ts';

const MAX_PAUSE_MS = 1_000;
/** Read again when the stream is reopened, since the engine's clock and ours may differ a little. */
const OVERLAP_MS = 2_000;

/**
 * Follows the engine's events and has a bot looked at as soon as its container ends. What happens while the stream is
 * broken is asked for again when it is reopened; what is missed all the same, the next resync finds.
 */
export class ExitFollower {
  readonly #engine: Engine;
  readonly #queues: Pick<BotQueues, 'add'>;
  readonly #outage: OutageLog;
  readonly #log: Logger;
  readonly #onReopened: () => void;
  readonly #now: () => number;

  constructor(options: {
    engine: Engine;
    queues: Pick<BotQueues, 'add'>;
    log: Logger;
    onReopened?: () => void;
    now?: () => number;
  }) {
    this.#engine = options.engine;
    this.#queues = options.queues;
    this.#log = options.log;
    this.#outage = new OutageLog(options.log, 'The event stream of the engine');
    this.#onReopened = options.onReopened ?? (() => undefined);
    this.#now = options.now ?? Date.now;
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    let sinceMs = this.#now();
    let pauseMs = 50;
    let reopening = false;
    while (!signal.aborted) {
      try {
        if (reopening) {
          await this.#engine.identify();
          this.#outage.recovered();
          this.#onReopened();
          reopening = false;
        }
        for await (const event of this.#engine.events({ sinceMs: sinceMs - OVERLAP_MS, signal })) {
          pauseMs = 50;
          sinceMs = Math.max(sinceMs, event.atMs);
          if (event.type !== 'died' || event.labels[LABEL.kind] !== 'bot') continue;
          await this.#look(event.labels[LABEL.id], event.exitCode);
        }
      } catch (error) {
        if (signal.aborted) return;
        this.#outage.failed(error);
      }
      if (signal.aborted) return;
      reopening = true;
      await pause(pauseMs, signal);
      pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * 2);
    }
  }

  async #look(botId: string | undefined, exitCode: number | undefined): Promise<void> {
    if (botId === undefined) return;
    try {
      const fields = { 'the0.id': botId, 'the0.exit_code': exitCode };
      await inSpan('container ended', { kind: 'producer', fields }, () =>
        this.#queues.add([
          {
            queue: 'start',
            job: { botId, cause: `its container ended with exit code ${exitCode ?? 'unknown'}` },
            urgency: 'event',
          },
        ]),
      );
    } catch (error) {
      // Redis is away: the resync after its return finds the ended container.
      this.#log.debug({ botId, error: (error as Error).message }, 'An exit could not be queued');
    }
  }
}
