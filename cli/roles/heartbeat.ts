import { hostname } from 'node:os';
import { keepHeartbeat } from '../../infra/heartbeat.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import { productVersion } from '../paths.ts';
import type { RoleContext } from './context.ts';

/** Lists this process among those of the installation, until it stops. `engine`: whether it holds the engine's socket. */
export function startHeartbeat(
  { owner, health, lifecycle, log }: RoleContext,
  { processes }: Pick<Collections, 'processes'>,
  { engine }: { engine: boolean },
): void {
  const [service = owner] = owner.split('@');
  const beating = keepHeartbeat({
    processes,
    facts: { _id: owner, service, version: productVersion(), host: hostname(), engine },
    problems: () => health.ready().reasons,
    signal: lifecycle.signal,
    log,
  });
  lifecycle.onStop('heartbeat', () => beating);
}
