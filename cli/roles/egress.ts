import type { Engine } from '../../infra/engine/port.ts';
import type { EgressGate } from '../../processors/launch.ts';
import type { Images } from '../../processors/images.ts';
import type { RoleContext } from './context.ts';

export function egressGate(_context: RoleContext, engine: Engine, _images: Images): EgressGate {
  let ready: Promise<unknown> | undefined;
  return async () => {
    ready ??= engine.ensureNetwork();
    try {
      await ready;
    } catch (error) {
      ready = undefined;
      throw error;
    }
    return { allowed: true };
  };
}
