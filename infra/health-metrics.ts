import { Gauge, type Registry } from 'prom-client';
import type { Health } from './health.ts';

/** What `/readyz` says, as metrics. Read off when asked; no probe is made for it. */
export function healthMetrics(
  health: Pick<Health, 'ready' | 'needs' | 'degradations'>,
  { registry }: { registry: Registry },
): void {
  const registers = [registry];
  new Gauge({
    name: 'the0_ready',
    help: '1 while the process does its work, degraded or not',
    registers,
    collect() {
      this.set(health.ready().status === 'not-ready' ? 0 : 1);
    },
  });
  new Gauge({
    name: 'the0_server_up',
    help: '1 while this process reaches the server',
    labelNames: ['server'],
    registers,
    collect() {
      for (const { name, problem } of health.needs())
        this.set({ server: name }, problem === undefined ? 1 : 0);
    },
  });
  new Gauge({
    name: 'the0_degraded',
    help: '1 for what works less well than it should; the reason is in /readyz',
    labelNames: ['what'],
    registers,
    collect() {
      this.reset();
      for (const { name } of health.degradations()) this.set({ what: name }, 1);
    },
  });
}
