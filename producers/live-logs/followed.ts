import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine, LogLine } from '../../infra/engine/port.ts';
import { OutageLog, type Logger } from '../../infra/logger.ts';
import type { LogPosition } from '../../infra/mongo/collections.ts';
import type { FlushAsker } from './flush-asker.ts';
import { MARKS } from './marks.ts';
import type { LiveLogMetrics } from './metrics.ts';
import { Outbox, type Budget } from './outbox.ts';
import { OutputStream, type Beginning } from './output-stream.ts';
import { newestTime } from './position.ts';
import type { PositionStore } from './position-store.ts';
import type { Publisher, Target } from './publisher.ts';
import type { RateCap } from './rate-cap.ts';
import { liveSubject } from './subject.ts';

/** Of one container, at most, while NATS is away. */
const OUTBOX_BYTES = 1024 * 1024;
/** While NATS is there, a reader that is so far ahead waits for it: the engine keeps the rest. */
const AHEAD_BYTES = OUTBOX_BYTES / 2;
/** But not for ever: NATS may go silent. */
const WAIT_MS = 1_000;

export type FollowedDeps = {
  engine: Pick<Engine, 'logs' | 'inspect'>;
  /** Absent where there is no NATS: then saves are asked for, and that is all. */
  publisher: Publisher | undefined;
  positions: PositionStore;
  asker: FlushAsker;
  budget: Budget;
  rateKb: number;
  metrics: LiveLogMetrics;
  log: Logger;
  now: () => number;
};

/** One container whose output is followed: from the engine, past the cap, to the outbox. */
export class Followed implements Target {
  readonly botId: string;
  readonly containerId: string;
  readonly subject: string;
  readonly outbox: Outbox;
  readonly #deps: FollowedDeps;
  readonly #cap: RateCap;
  readonly #stream: OutputStream;
  #lastAtMs = 0;

  constructor(
    deps: FollowedDeps,
    options: { botId: string; containerId: string; beginning: Beginning; cap: RateCap },
  ) {
    const { botId, containerId, beginning } = options;
    this.#deps = deps;
    this.botId = botId;
    this.containerId = containerId;
    this.subject = liveSubject(botId);
    this.#cap = options.cap;
    this.outbox = new Outbox({
      budget: deps.budget,
      limitBytes: OUTBOX_BYTES,
      onLost: (bytes) => deps.metrics.leftOut('nats-away', bytes),
    });
    const outage = new OutageLog(deps.log.child({ botId, containerId }), 'The output of a container');
    this.#stream = new OutputStream({
      engine: deps.engine,
      containerId,
      beginning,
      now: deps.now,
      handler: {
        onEntry: (entry, position) => this.#entry(entry, position),
        onMark: (text) => this.#mark(text),
        onBroken: (error) => void outage.failed(error),
        onWorking: () => outage.recovered(),
      },
    });
  }

  /** Until it has ended and all is told. */
  async follow(signal: AbortSignal): Promise<void> {
    const { publisher, positions } = this.#deps;
    if (publisher !== undefined) await positions.begin(this.containerId, this.botId, this.position);
    await this.#stream.follow(signal);
    this.tellLeftOut(true);
    if (!signal.aborted && this.newestMs !== undefined) this.#deps.asker.ended(this.botId);
  }

  startedAgain(): void {
    this.#stream.startedAgain();
  }

  get position(): LogPosition {
    return this.#stream.position;
  }

  /** Engine's time of its last output, epoch milliseconds. */
  get newestMs(): number | undefined {
    const newest = newestTime(this.#stream.position);
    return newest === undefined ? undefined : Date.parse(newest);
  }

  onPublished(position: LogPosition): void {
    this.#deps.positions.note(this.containerId, this.botId, position);
  }

  tellLeftOut(atEnd = false): void {
    const leftOut = this.#cap.toTell(this.#lastAtMs, atEnd);
    if (leftOut !== undefined) this.#mark(MARKS.tooFast(leftOut.bytes, leftOut.lines, this.#deps.rateKb));
  }

  #entry(entry: LogLine, position: LogPosition): Promise<void> | undefined {
    const { asker, publisher, metrics } = this.#deps;
    const bytes = entry.data.length;
    asker.output(this.botId, bytes);
    if (publisher === undefined) return undefined;
    this.#lastAtMs = Date.parse(entry.time);
    if (!this.#cap.admit(bytes, this.#lastAtMs)) {
      metrics.leftOut('rate', bytes);
      return undefined;
    }
    this.tellLeftOut();
    this.outbox.add(entry.data, position, this.#lastAtMs);
    publisher.wake(this);
    return this.outbox.bytes > AHEAD_BYTES ? this.#untilPublished(publisher) : undefined;
  }

  async #untilPublished(publisher: Publisher): Promise<void> {
    const late = sleep(WAIT_MS, undefined, { ref: false });
    await Promise.race([publisher.nextRound(), late]);
  }

  #mark(text: string): void {
    if (this.#deps.publisher === undefined) return;
    this.outbox.mark(text);
    this.#deps.publisher.wake(this);
  }
}
