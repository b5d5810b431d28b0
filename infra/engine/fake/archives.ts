import { EngineRefused, PathMissing } from '../errors.ts';
import { requireContainerId } from '../ids.ts';
import type { Engine } from '../port.ts';
import { requirePath } from '../spec-check.ts';
import type { FakeContainer } from './container.ts';
import { type FakeFiles, joinInside, pack, unpack } from './files.ts';
import type { FakeHost } from './host.ts';

type Archives = Pick<Engine, 'readArchive' | 'writeArchive' | 'pathMode'>;
type Place = { files: FakeFiles; path: string; writable: boolean };

export function archiveCalls(host: FakeHost, own: (id: string) => FakeContainer | undefined): Archives {
  /** Where a path of the container lies: on the volume mounted closest above it, or in the container's root. */
  function place(container: FakeContainer, path: string): Place {
    const mount = container.spec.volumes
      .filter((candidate) => path === candidate.path || path.startsWith(`${candidate.path}/`))
      .sort((a, b) => b.path.length - a.path.length)[0];
    if (mount === undefined)
      return { files: container.root, path, writable: container.spec.readOnlyRoot === false };
    const volume = host.volumes.get(mount.volume);
    if (volume === undefined) throw new EngineRefused(`The volume ${mount.volume} is gone`);
    return { files: volume.files, path: path.slice(mount.path.length) || '/', writable: !mount.readOnly };
  }

  return {
    readArchive: (id, path, { signal } = {}) =>
      host.faults.around('readArchive', signal, () => {
        requirePath('path', path);
        const at = place(host.require(requireContainerId(id)), path);
        if (at.files.get(at.path) === undefined) throw new PathMissing(id, path);
        return pack(at.files, at.path, path.slice(path.lastIndexOf('/') + 1));
      }),

    writeArchive: (id, path, tar, { signal } = {}) =>
      host.faults.around('writeArchive', signal, async () => {
        requirePath('path', path);
        const container = own(id) ?? host.require(id);
        const target = place(container, path);
        if (target.files.get(target.path)?.header.type !== 'directory') throw new PathMissing(id, path);
        if (!target.writable) throw new EngineRefused(`${path} of container ${id} is read-only`);
        for (const file of await unpack(tar)) {
          const at = place(container, joinInside(path, file.header.name));
          at.files.put(at.path, file);
        }
      }),

    pathMode: (id, path, { signal } = {}) =>
      host.faults.around('pathMode', signal, () => {
        requirePath('path', path);
        const at = place(host.require(requireContainerId(id)), path);
        const mode = at.files.get(at.path)?.header.mode;
        return mode === undefined ? undefined : mode & 0o777;
      }),
  };
}
