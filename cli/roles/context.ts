import type { Settings } from '../../infra/config/settings.ts';
import type { Engine } from '../../infra/engine/port.ts';
import type { Health } from '../../infra/health.ts';
import type { Lifecycle } from '../../infra/lifecycle.ts';
import type { Logger } from '../../infra/logger.ts';
import type { Metrics } from '../../infra/metrics.ts';

/** What a command gives to the roles it runs: they register what they open, and what they need, here. */
export type RoleContext = {
  settings: Settings;
  log: Logger;
  lifecycle: Lifecycle;
  health: Health;
  metrics: Metrics;
  /** Names this process in locks and leases. */
  owner: string;
  /** Another engine than the one that the settings name: tests and benches bring a fake one. */
  engine?: Engine;
};
