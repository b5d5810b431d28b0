import { LABEL } from '../../../model/labels.ts';
import { requireOwnName } from '../names.ts';
import type { Engine, VolumeFile } from '../port.ts';
import type { FakeFile } from './files.ts';
import type { FakeHost } from './host.ts';

/** A fake volume lies in memory, so that no process reads it but through the engine. */
export function volumeFileCalls(
  host: FakeHost,
  installation: string,
): Pick<Engine, 'listFiles' | 'volumePath' | 'emptyVolume'> {
  return {
    listFiles: (names, { signal, maxFiles }) =>
      host.faults.around('listFiles', signal, () => {
        const answer: Awaited<ReturnType<Engine['listFiles']>> = new Map();
        for (const name of names) {
          const volume = host.volumes.get(requireOwnName('volume', installation, name));
          if (volume === undefined) continue;
          const all = volume.files.under('/').filter(([path]) => path !== '/');
          const files = all.slice(0, maxFiles).map(([path, file]) => toVolumeFile(path.slice(1), file));
          answer.set(name, {
            files,
            complete: all.length <= maxFiles,
            made: volume.labels[LABEL.made] ?? '',
          });
        }
        return answer;
      }),
    volumePath: (_name, { signal } = {}) => host.faults.around('volumePath', signal, () => undefined),
    emptyVolume: (name, { signal }) =>
      host.faults.around('emptyVolume', signal, () =>
        host.volumes.get(requireOwnName('volume', installation, name))?.files.clear(),
      ),
  };
}

function toVolumeFile(path: string, { header, data, ctimeNs = 0n }: FakeFile): VolumeFile {
  const type = typeOf(header.type);
  return {
    path,
    type,
    bytes: type === 'file' ? data.length : 0,
    mtimeNs: String(header.mtime === undefined ? ctimeNs : BigInt(header.mtime.getTime()) * 1_000_000n),
    ctimeNs: String(ctimeNs),
    mode: (header.mode ?? 0) & 0o7777,
  };
}

function typeOf(type: FakeFile['header']['type']): VolumeFile['type'] {
  if (type === undefined || type === null || type === 'file') return 'file';
  if (type === 'directory') return 'directory';
  return type === 'symlink' ? 'link' : 'other';
}
