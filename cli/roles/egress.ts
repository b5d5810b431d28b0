import type { EgressGate } from '../../processors/launch.ts';
import type { RoleContext } from './context.ts';
import type { Engine } from '../../infra/engine/port.ts';
import type { Images } from '../../processors/images.ts';
export function egressGate(_context: RoleContext, _engine: Engine, _images: Images): EgressGate {
  return async () => ({ allowed: true });
}
