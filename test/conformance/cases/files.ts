import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import tar from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ContainerMissing, EngineRefused, PathMissing, SpecRefused } from '../../../infra/engine/errors.ts';
import type { VolumeMount } from '../../../infra/engine/port.ts';
import { Bench, type EngineTarget } from '../target.ts';

type Entry = { name: string; mode: number; uid: number; gid: number; type: string; data: string };

export function fileCases(target: EngineTarget): void {
  describe('volumes and files', () => {
    let bench: Bench;
    beforeAll(() => {
      bench = new Bench(target);
    });
    afterAll(() => bench.clean());

    const mount = (changes: Partial<VolumeMount> = {}): VolumeMount => ({
      volume: `${bench.installation}_vol-${bench.name()}`,
      path: '/data',
      readOnly: false,
      labels: {},
      ...changes,
    });

    it('keeps contents, owner, mode and links of what is written, for the next container too', async () => {
      const volume = mount();
      const helper = await bench.create({}, { volumes: [volume], kind: 'helper' });
      await bench.engine.writeArchive(helper, '/data', await sampleTar());
      await bench.engine.remove(helper);
      const reader = await bench.create({}, { volumes: [{ ...volume, readOnly: true }] });
      const entries = await entriesOf(await bench.engine.readArchive(reader, '/data'));
      expect(entries.filter((entry) => entry.name !== 'data/')).toEqual([
        { name: 'data/dir/', mode: 0o750, uid: 1000, gid: 1000, type: 'directory', data: '' },
        { name: 'data/dir/link', mode: 0o777, uid: 1000, gid: 1000, type: 'symlink', data: '-> main.py' },
        { name: 'data/dir/main.py', mode: 0o640, uid: 1000, gid: 1000, type: 'file', data: 'print(1)\n' },
      ]);
      expect(await entriesOf(await bench.engine.readArchive(reader, '/data/dir/main.py'))).toMatchObject([
        { name: 'main.py', data: 'print(1)\n' },
      ]);
    });

    it('takes a stream as well as a buffer', async () => {
      const id = await bench.create({}, { volumes: [mount()] });
      const bytes = await sampleTar();
      await bench.engine.writeArchive(
        id,
        '/data',
        Readable.from([bytes.subarray(0, 700), bytes.subarray(700)]),
      );
      expect(await bench.engine.pathMode(id, '/data/dir/main.py')).toBe(0o640);
    });

    it('tells the permission bits of a path, or that there is none', async () => {
      const id = await bench.create({}, { volumes: [mount()] });
      await bench.engine.writeArchive(id, '/data', await sampleTar());
      expect(await bench.engine.pathMode(id, '/data/dir')).toBe(0o750);
      expect(await bench.engine.pathMode(id, '/data/dir/main.py')).toBe(0o640);
      expect(await bench.engine.pathMode(id, '/data/nothing')).toBeUndefined();
      await bench.engine.remove(id);
      await expect(bench.engine.pathMode(id, '/data')).rejects.toBeInstanceOf(ContainerMissing);
    });

    it('refuses to write to a read-only mount, a read-only root, and a path that is not there', async () => {
      const id = await bench.create({}, { volumes: [mount({ readOnly: true })] });
      await expect(bench.engine.writeArchive(id, '/data', await sampleTar())).rejects.toBeInstanceOf(
        EngineRefused,
      );
      await expect(bench.engine.writeArchive(id, '/tmp', await sampleTar())).rejects.toBeInstanceOf(
        EngineRefused,
      );
      const writable = await bench.create({}, { volumes: [mount()] });
      await expect(
        bench.engine.writeArchive(writable, '/data/no/such', await sampleTar()),
      ).rejects.toBeInstanceOf(PathMissing);
      await expect(bench.engine.readArchive(writable, '/data/no/such')).rejects.toBeInstanceOf(PathMissing);
      await expect(bench.engine.readArchive(writable, '/data/../etc')).rejects.toBeInstanceOf(SpecRefused);
    });

    it('writes to the root of a helper whose root is writable', async () => {
      const id = await bench.create({}, { kind: 'helper', readOnlyRoot: false });
      await bench.engine.writeArchive(id, '/tmp', await sampleTar());
      expect(await bench.engine.pathMode(id, '/tmp/dir/main.py')).toBe(0o640);
    });

    it('creates a volume once, lists it by label, and removes it only when unused', async () => {
      const name = `${bench.installation}_code-1`;
      await bench.engine.createVolume(name, { 'the0.code': 'abc' });
      await bench.engine.createVolume(name, { 'the0.code': 'abc' });
      expect(await bench.engine.listVolumes({ 'the0.code': 'abc' })).toMatchObject([
        { name, labels: { 'the0.code': 'abc', 'the0.installation': bench.installation } },
      ]);
      expect(await bench.engine.listVolumes({ 'the0.code': 'other' })).toEqual([]);
      expect(await bench.engine.inspectVolume(name)).toEqual(
        (await bench.engine.listVolumes({ 'the0.code': 'abc' }))[0],
      );
      expect(await bench.engine.inspectVolume(`${name}-other`)).toBeUndefined();
      const id = await bench.create({}, { volumes: [mount({ volume: name })] });
      expect(await bench.engine.removeVolume(name)).toBe(false);
      await bench.engine.remove(id);
      expect(await bench.engine.removeVolume(name)).toBe(true);
      expect(await bench.engine.removeVolume(name)).toBe(true);
      expect(await bench.engine.listVolumes({ 'the0.code': 'abc' })).toEqual([]);
    });

    it('refuses volumes whose name is not its own', async () => {
      await expect(bench.engine.createVolume('foreign', {})).rejects.toBeInstanceOf(SpecRefused);
      await expect(bench.engine.inspectVolume('foreign')).rejects.toBeInstanceOf(SpecRefused);
      await expect(bench.engine.removeVolume('foreign')).rejects.toBeInstanceOf(SpecRefused);
      await expect(bench.engine.createVolume(`${bench.installation}_a/../b`, {})).rejects.toBeInstanceOf(
        SpecRefused,
      );
    });

    it('labels a volume that a container brings into being', async () => {
      const volume = mount({ labels: { purpose: 'state' } });
      await bench.create({}, { volumes: [volume] });
      expect(await bench.engine.listVolumes({ purpose: 'state' })).toMatchObject([{ name: volume.volume }]);
    });
  });
}

async function sampleTar(): Promise<Buffer> {
  const pack = tar.pack();
  const owner = { uid: 1000, gid: 1000 };
  pack.entry({ name: 'dir/', type: 'directory', mode: 0o750, ...owner });
  pack.entry({ name: 'dir/main.py', mode: 0o640, ...owner }, 'print(1)\n');
  pack.entry({ name: 'dir/link', type: 'symlink', linkname: 'main.py', mode: 0o777, ...owner });
  pack.finalize();
  return buffer(pack);
}

async function entriesOf(stream: NodeJS.ReadableStream): Promise<Entry[]> {
  const extract = tar.extract();
  extract.end(await buffer(stream));
  const entries: Entry[] = [];
  for await (const entry of extract) {
    const { name, mode = 0, uid = 0, gid = 0, type, linkname } = entry.header;
    const data = (await buffer(entry)).toString();
    entries.push({
      name,
      mode: mode & 0o777,
      uid,
      gid,
      type: type ?? 'file',
      data: type === 'symlink' ? `-> ${linkname}` : data,
    });
  }
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}
