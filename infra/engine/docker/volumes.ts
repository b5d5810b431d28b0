import { LABEL } from '../../../model/labels.ts';
import { EngineRefused } from '../errors.ts';
import { ownLabels, volumeLabels } from '../labels.ts';
import { requireOwnName } from '../names.ts';
import type { Engine, VolumeView } from '../port.ts';
import type { VolumeAnswer } from './api.ts';
import type { DockerContext } from './context.ts';
import { hasStatus, plainRefusal } from './failures.ts';
import { toMs } from './views.ts';

type Volumes = Pick<Engine, 'createVolume' | 'inspectVolume' | 'listVolumes' | 'removeVolume'>;

export function volumeCalls(context: DockerContext): Volumes {
  const { client, installation, slowCallTimeoutMs } = context;

  const createVolume: Volumes['createVolume'] = async (name, labels, options = {}) => {
    requireOwnName('volume', installation, name);
    try {
      // Docker answers with the volume that exists, if one does: its labels tell whose it is.
      const volume = await client.json<VolumeAnswer>({
        method: 'POST',
        path: '/volumes/create',
        body: { Name: name, Driver: 'local', Labels: volumeLabels(installation, labels) },
        doing: `create the volume ${name}`,
        timeoutMs: slowCallTimeoutMs,
        signal: options.signal,
      });
      if (volume.Labels?.[LABEL.installation] !== installation)
        throw new EngineRefused(
          `The volume ${name} exists and does not belong to installation ${installation}: remove or rename it`,
        );
    } catch (error) {
      throw plainRefusal(error);
    }
  };

  const inspectVolume: Volumes['inspectVolume'] = async (name, options = {}) => {
    requireOwnName('volume', installation, name);
    try {
      const volume = await client.json<VolumeAnswer>({
        method: 'GET',
        path: `/volumes/${name}`,
        doing: `look at the volume ${name}`,
        signal: options.signal,
      });
      return volume.Labels?.[LABEL.installation] === installation ? viewOf(volume) : undefined;
    } catch (error) {
      if (hasStatus(error, 404)) return undefined;
      throw plainRefusal(error);
    }
  };

  const listVolumes: Volumes['listVolumes'] = async (labels = {}, options = {}) => {
    const wanted = Object.entries(ownLabels(installation, labels)).map(([key, value]) => `${key}=${value}`);
    const answer = await client
      .json<{ Volumes?: VolumeAnswer[] | null }>({
        method: 'GET',
        path: '/volumes',
        query: { filters: JSON.stringify({ label: wanted }) },
        doing: 'list volumes',
        signal: options.signal,
      })
      .catch((error: unknown) => {
        throw plainRefusal(error);
      });
    return (answer.Volumes ?? []).map(viewOf);
  };

  const removeVolume: Volumes['removeVolume'] = async (name, options = {}) => {
    requireOwnName('volume', installation, name);
    try {
      await client.run({
        method: 'DELETE',
        path: `/volumes/${name}`,
        doing: `remove the volume ${name}`,
        timeoutMs: slowCallTimeoutMs,
        signal: options.signal,
      });
      return true;
    } catch (error) {
      if (hasStatus(error, 404)) return true;
      if (hasStatus(error, 409)) return false;
      throw plainRefusal(error);
    }
  };

  return { createVolume, inspectVolume, listVolumes, removeVolume };
}

const viewOf = (volume: VolumeAnswer): VolumeView => ({
  name: volume.Name,
  labels: volume.Labels ?? {},
  createdAtMs: toMs(volume.CreatedAt) ?? 0,
});
