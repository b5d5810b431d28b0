import { Gauge, type Registry } from 'prom-client';
import { SCHEDULE_PHASES, type SchedulePhase } from '../../model/schedule-status.ts';

/** The schedules as their planner sees them, told by the one process that plans them. */
export class SchedulesMetrics {
  readonly #schedules: Gauge<'phase'>;

  constructor({ registry }: { registry: Registry }) {
    this.#schedules = new Gauge({
      name: 'the0_schedules',
      help: 'Schedules by phase, at the last look at all of them; told by the process that plans them',
      labelNames: ['phase'],
      registers: [registry],
    });
  }

  seen(phases: Readonly<Record<SchedulePhase, number>>): void {
    for (const phase of SCHEDULE_PHASES) this.#schedules.set({ phase }, phases[phase]);
  }

  /** Another process plans now, and tells. */
  forget(): void {
    this.#schedules.reset();
  }
}
