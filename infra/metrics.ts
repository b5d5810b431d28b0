import { collectDefaultMetrics, Registry } from 'prom-client';

export type Metrics = {
  readonly registry: Registry;
  /** Prometheus text of all metrics, with its content type. */
  render(): Promise<{ contentType: string; body: string }>;
};

/** A registry of its own per process: every series carries `service`, and the process's own basics are included. */
export function createMetrics(options: { service: string; version?: string }): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service: options.service });
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    render: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  };
}
