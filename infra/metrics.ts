import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { LeaseMetrics } from './lease-metrics.ts';

export type Metrics = {
  readonly registry: Registry;
  readonly leases: LeaseMetrics;
  /** Prometheus text of all metrics, with its content type. */
  render(): Promise<{ contentType: string; body: string }>;
};

/** A registry of its own per process: every series carries `service`, and the process's own basics are included. */
export function createMetrics(options: { service: string; version: string }): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service: options.service });
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'the0_build_info',
    help: 'Always 1; the version is its label',
    labelNames: ['version'],
    registers: [registry],
  }).set({ version: options.version }, 1);
  return {
    registry,
    leases: new LeaseMetrics({ registry }),
    render: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  };
}
