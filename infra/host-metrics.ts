import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import { Gauge, type Registry } from 'prom-client';

/**
 * Where to look for the disk of an engine that keeps what it has in `folder`. `isContained`: this process runs in a container
 * of that engine. There the folder does not exist; but the root does, and what the engine makes a container of is on its disk.
 */
export function engineFolder(
  folder: string,
  { isContained, exists = existsSync }: { isContained: boolean; exists?: (path: string) => boolean },
): string {
  return isContained && !exists(folder) ? '/' : folder;
}

/**
 * What this machine has left: its memory, and the disks under these folders, by what they are for. A folder that cannot be
 * looked at has no series.
 */
export function hostMetrics({
  registry,
  folders,
}: {
  registry: Registry;
  folders: Readonly<Record<string, string>>;
}): void {
  const registers = [registry];
  const disk = (name: string, help: string, blocks: 'bavail' | 'blocks'): void => {
    new Gauge({
      name,
      help,
      labelNames: ['of'],
      registers,
      async collect() {
        this.reset();
        for (const [of, folder] of Object.entries(folders)) {
          const stats = await statfs(folder).catch(() => undefined);
          if (stats !== undefined) this.set({ of }, stats[blocks] * stats.bsize);
        }
      },
    });
  };
  disk('the0_disk_free_bytes', 'Free on the disk, by what of us is on it', 'bavail');
  disk('the0_disk_size_bytes', 'Size of the disk, by what of us is on it', 'blocks');
  const memory = (name: string, help: string, bytes: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(bytes());
      },
    });
  };
  memory('the0_host_memory_available_bytes', 'Memory of this machine that can be had', freemem);
  memory('the0_host_memory_bytes', 'Memory of this machine', totalmem);
}
