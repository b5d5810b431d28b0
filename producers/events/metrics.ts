import { Counter, Gauge, type Registry } from 'prom-client';
import { CONSUMER_STATES, type EventStats } from './stats.ts';

type Consumer = { readonly stats: Readonly<EventStats> };

/** What the consumers of a process do with events, and where they stand. Read off their counters when asked. */
export class EventMetrics {
  readonly #consumers = new Map<string, Consumer>();

  constructor(options: { registry: Registry }) {
    const registers = [options.registry];
    const all = this.#consumers;
    const counter = (
      name: string,
      help: string,
      values: (stats: EventStats) => readonly [labels: { outcome?: string }, value: number][],
    ): void => {
      new Counter({
        name,
        help,
        labelNames: ['family', 'outcome'],
        registers,
        collect() {
          this.reset();
          for (const [family, { stats }] of all)
            for (const [labels, value] of values(stats)) this.inc({ family, ...labels }, value);
        },
      });
    };
    counter('the0_events_total', 'Events of the platform, by what became of them', ({ applied, poison }) =>
      Object.entries({ ...applied, poison }).map(([outcome, count]) => [{ outcome }, count]),
    );
    counter('the0_event_retries_total', 'Attempts to store an event that failed', ({ retries }) => [
      [{}, retries],
    ]);
    counter('the0_events_redelivered_total', 'Events that came more than once', ({ redelivered }) => [
      [{}, redelivered],
    ]);

    const gauge = (name: string, help: string, value: (stats: EventStats) => number): void => {
      new Gauge({
        name,
        help,
        labelNames: ['family'],
        registers,
        collect() {
          this.reset();
          // One that stands by knows nothing of the stream.
          for (const [family, { stats }] of all)
            if (stats.state === 'consuming') this.set({ family }, value(stats));
        },
      });
    };
    gauge(
      'the0_event_lag_seconds',
      'From the publication of the last event to the end of its work',
      ({ lagMs }) => lagMs / 1000,
    );
    gauge(
      'the0_events_pending',
      'Events in the stream behind the last one delivered',
      ({ pending }) => pending,
    );
    new Gauge({
      name: 'the0_event_consumer_state',
      help: '1 for the state that the consumer is in',
      labelNames: ['family', 'state'],
      registers,
      collect() {
        for (const [family, { stats }] of all)
          for (const state of CONSUMER_STATES) this.set({ family, state }, stats.state === state ? 1 : 0);
      },
    });
  }

  add(family: string, consumer: Consumer): void {
    this.#consumers.set(family, consumer);
  }
}
