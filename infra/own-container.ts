import { readFileSync } from 'node:fs';

const FILES = ['/proc/self/cgroup', '/proc/self/mountinfo'] as const;
/** In a cgroup's path, or in those of the files that an engine mounts into a container. */
const ID = /(?:\/docker[/-]|\/containers\/|libpod-|cri-containerd-)([0-9a-f]{64})(?=[./\s]|$)/m;

/** Id of the container that this process runs in, as its engine knows it; undefined where it runs in none. */
export function ownContainerId(
  read: (path: string) => string = (path) => readFileSync(path, 'utf8'),
): string | undefined {
  for (const path of FILES) {
    try {
      const id = ID.exec(read(path))?.[1];
      if (id !== undefined) return id;
    } catch {
      // No such file on this system: then there is no container of this kind either.
    }
  }
  return undefined;
}
