import { EngineRefused } from './errors.ts';

const CONTAINER_ID = /^[0-9a-f]{64}$/;

/**
 * Acting calls take ids, never names: a name may meanwhile belong to a newer container, an id cannot.
 * Throws `EngineRefused` for anything else.
 */
export function requireContainerId(id: string): string {
  if (!CONTAINER_ID.test(id))
    throw new EngineRefused(
      `${JSON.stringify(id.slice(0, 80))} is not a container id: pass the id that create, list or inspect gave`,
    );
  return id;
}
