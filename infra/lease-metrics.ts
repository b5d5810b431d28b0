import { Gauge, type Registry } from 'prom-client';

/** Which of the things that are done by one process at a time this one stands by for, and which it does. */
export class LeaseMetrics {
  readonly #held: Gauge<'lease'>;

  constructor(options: { registry: Registry }) {
    this.#held = new Gauge({
      name: 'the0_lease_held',
      help: '1 where this process does what one alone may do; 0 where it stands by to take over',
      labelNames: ['lease'],
      registers: [options.registry],
    });
  }

  set(lease: string, held: boolean): void {
    this.#held.set({ lease }, held ? 1 : 0);
  }
}
