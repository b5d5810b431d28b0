import { LABEL } from '../../../model/labels.ts';
import { EngineRefused } from '../errors.ts';
import { requireContainerId } from '../ids.ts';
import type { CallOptions } from '../port.ts';
import type { InspectAnswer } from './api.ts';
import type { DockerClient } from './client.ts';
import { isNoSuchContainer, refusalOf } from './failures.ts';

const REMEMBERED = 50_000;

/** Ids never change hands, so what was seen once stays true. */
export function createOwnership(installation: string, client: DockerClient) {
  const known = new Set<string>();
  const own = (id: string): void => {
    if (known.size >= REMEMBERED) known.clear();
    known.add(id);
  };
  async function requireOwn(id: string, options: CallOptions = {}): Promise<void> {
    if (known.has(requireContainerId(id))) return;
    let item: InspectAnswer;
    try {
      item = await client.json({
        method: 'GET',
        path: `/containers/${id}/json`,
        doing: 'inspect a container',
        signal: options.signal,
      });
    } catch (error) {
      // Gone is no danger to anybody: the call itself says what that means to it.
      if (isNoSuchContainer(error)) return;
      throw refusalOf(error, id);
    }
    const owner = item.Config.Labels?.[LABEL.installation];
    if (owner !== installation)
      throw new EngineRefused(
        `Container ${id} belongs to ${owner === undefined ? 'no installation' : `installation ${owner}`}, not to ${installation}: it is left alone`,
      );
    own(id);
  }
  return { own, requireOwn };
}
