import type { NatsConnection } from '@nats-io/transport-node';
import { liveSubject } from '../../live-logs/subject.ts';
import { Exhausted, Unavailable } from '../errors.ts';
import { LogRoom, type RoomOptions } from './room.ts';
import type { StoredLog } from './stored-log.ts';

/** A reader's place in a room. Disposing of it leaves the room; the last one to leave closes it. */
export type Seat = Disposable & {
  room: LogRoom;
  /** Resolves once the room is open, with what may be missing of what was printed just before. */
  opened: Promise<string>;
};

export type LogRoomsOptions = {
  /** Rejects while NATS is away. */
  nats: () => Promise<NatsConnection>;
  /** Has what a bot printed by now saved. Resolves with why that may not be so. */
  save: (id: string, signal: AbortSignal) => Promise<string | undefined>;
  mostRooms?: number;
} & Pick<RoomOptions, 'gatherMs' | 'bounds'>;

type Open = { room: LogRoom; readers: number; opened: Promise<string>; stop: () => void };

/** Logs that are followed at once. */
const MOST_ROOMS = 256;

/** The logs that are followed by anybody: one room each, with one subscription to NATS. */
export class LogRooms {
  readonly #options: LogRoomsOptions;
  readonly #open = new Map<string, Open>();
  readonly #watched = new WeakSet<NatsConnection>();

  constructor(options: LogRoomsOptions) {
    this.#options = options;
  }

  /** How many are followed. */
  get size(): number {
    return this.#open.size;
  }

  /** From its return on, nothing that is told live is missed. @throws Unavailable, Exhausted */
  async enter(id: string, log: StoredLog): Promise<Seat> {
    const connection = await this.#options.nats();
    const known = this.#open.get(id) ?? this.#begin(id, log, connection);
    known.readers += 1;
    let left = false;
    return {
      room: known.room,
      opened: known.opened,
      [Symbol.dispose]: () => {
        if (left) return;
        left = true;
        known.readers -= 1;
        if (known.readers === 0) this.#close(id, known, new Error('Nobody follows this log any more'));
      },
    };
  }

  #begin(id: string, log: StoredLog, connection: NatsConnection): Open {
    const { save, mostRooms = MOST_ROOMS, nats: _nats, ...bounds } = this.#options;
    if (this.#open.size >= mostRooms) throw tooMany(mostRooms);
    this.#watch(connection);
    const room = new LogRoom({ log, save: (signal) => save(id, signal), ...bounds });
    const subscription = connection.subscribe(liveSubject(id), {
      callback: (error, message) => {
        if (error === null) room.heard(message.data);
        else this.#close(id, begun, natsAway(error));
      },
    });
    const opened = connection.flush().then(() => room.open());
    // Whoever waits hears of it; there may be nobody left.
    opened.catch(() => undefined);
    const begun: Open = { room, readers: 0, opened, stop: () => subscription.unsubscribe() };
    this.#open.set(id, begun);
    return begun;
  }

  #close(id: string, open: Open, reason: Error): void {
    if (this.#open.get(id) === open) this.#open.delete(id);
    open.stop();
    open.room.close(reason);
  }

  /** What is published while the connection is broken is heard by nobody: all readers are told, and go on from their positions. */
  #watch(connection: NatsConnection): void {
    if (this.#watched.has(connection)) return;
    this.#watched.add(connection);
    const broken = (): void => {
      for (const [id, open] of [...this.#open]) this.#close(id, open, natsAway(undefined));
    };
    void (async () => {
      for await (const { type } of connection.status()) if (type === 'disconnect') broken();
      broken();
    })();
  }
}

const natsAway = (cause: unknown): Unavailable =>
  new Unavailable(
    'nats',
    'NATS does not answer, which carries what is printed now',
    'go on after the last position that you have; nothing is lost',
    { cause },
  );

const tooMany = (most: number): Exhausted =>
  new Exhausted(
    'too_many_logs',
    'id',
    `${most} logs are followed already`,
    'follow fewer at once, or read what is stored',
  );
