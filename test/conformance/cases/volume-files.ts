import { buffer } from 'node:stream/consumers';
import tar from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineUnavailable, SpecRefused } from '../../../infra/engine/errors.ts';
import { Bench, type EngineTarget } from '../target.ts';

const MAX = 1000;

export function volumeFileCases(target: EngineTarget): void {
  describe('what is on volumes', () => {
    let bench: Bench;
    let image: string;
    beforeAll(async () => {
      bench = new Bench(target);
      image = await target.image(bench.engine);
    });
    afterAll(() => bench.clean());

    async function volumeWith(archive: Buffer): Promise<string> {
      const volume = `${bench.installation}_files-${bench.name()}`;
      await fill(volume, archive);
      return volume;
    }

    /** From a folder above it, so that the volume itself belongs to the bots' user, as those of bots do. */
    async function fill(volume: string, archive: Buffer): Promise<void> {
      const mount = { volume, path: '/data/state', readOnly: false, labels: {} };
      const helper = await bench.create({}, { volumes: [mount], kind: 'helper', readOnlyRoot: false });
      await bench.engine.writeArchive(helper, '/data', archive);
      await bench.engine.remove(helper);
    }

    it('lists files, folders and links with size, times and mode, of several volumes at once', async () => {
      const [one, two] = [await volumeWith(await sampleTar()), await volumeWith(await emptyTar())];
      const listed = await bench.engine.listFiles([one, two, `${bench.installation}_gone`], {
        maxFiles: MAX,
        image,
      });
      expect([...listed.keys()].sort()).toEqual([one, two].sort());
      expect(listed.get(two)).toMatchObject({ files: [], complete: true });
      const { files, complete, made } = listed.get(one) ?? {};
      expect(complete).toBe(true);
      expect(made).toMatch(/^[0-9a-f]{16}$/);
      expect(made).not.toBe(listed.get(two)?.made);
      expect(files?.map(({ path, type, bytes, mode }) => [path, type, bytes, mode])).toEqual([
        ['dir', 'directory', 0, 0o750],
        ['dir/link', 'link', 0, 0o777],
        ['dir/odd\nname', 'file', 9, 0o640],
        ['top.json', 'file', 2, 0o600],
      ]);
      const odd = files?.find(({ path }) => path === 'dir/odd\nname');
      expect(odd?.mtimeNs).toBe('1700000000000000000');
      expect(BigInt(odd?.ctimeNs ?? 0)).toBeGreaterThan(1_700_000_000_000_000_000n);
    });

    it('tells that a file was replaced, though its size and time are the same', async () => {
      const volume = await volumeWith(await sampleTar());
      const look = async () =>
        (await bench.engine.listFiles([volume], { maxFiles: MAX, image }))
          .get(volume)
          ?.files.find(({ path }) => path === 'top.json');
      const before = await look();
      await fill(volume, await sampleTar());
      const after = await look();
      expect(after?.mtimeNs).toBe(before?.mtimeNs);
      expect(after?.ctimeNs).not.toBe(before?.ctimeNs);
    });

    it('cuts at the number asked for, and says so', async () => {
      const volume = await volumeWith(await sampleTar());
      const cut = await bench.engine.listFiles([volume], { maxFiles: 2, image });
      expect(cut.get(volume)).toMatchObject({ complete: false });
      expect(cut.get(volume)?.files.length).toBeLessThanOrEqual(2);
    });

    it('empties a volume, whatever its owner closed', async () => {
      const volume = await volumeWith(await sampleTar());
      await bench.engine.emptyVolume(volume, { image });
      const listed = await bench.engine.listFiles([volume], { maxFiles: MAX, image });
      expect(listed.get(volume)).toMatchObject({ files: [], complete: true });
      await bench.engine.emptyVolume(`${bench.installation}_gone`, { image });
      expect(await bench.engine.volumePath(`${bench.installation}_gone`)).toBeUndefined();
    });

    it('refuses volumes whose name is not its own, and fails while the engine is away', async () => {
      await expect(bench.engine.listFiles(['foreign'], { maxFiles: MAX, image })).rejects.toThrow(
        SpecRefused,
      );
      await expect(bench.engine.emptyVolume('foreign', { image })).rejects.toBeInstanceOf(SpecRefused);
      for (const away of target.unreachable()) {
        await expect(away.listFiles(['away_a'], { maxFiles: MAX, image })).rejects.toBeInstanceOf(
          EngineUnavailable,
        );
        await away[Symbol.asyncDispose]();
      }
    });
  });
}

async function sampleTar(): Promise<Buffer> {
  const pack = tar.pack();
  const owner = { uid: 1000, gid: 1000, mtime: new Date(1_700_000_000_000) };
  pack.entry({ name: 'state/', type: 'directory', mode: 0o750, ...owner });
  pack.entry({ name: 'state/dir/', type: 'directory', mode: 0o750, ...owner });
  pack.entry({ name: 'state/dir/odd\nname', mode: 0o640, ...owner }, 'print(1)\n');
  pack.entry({ name: 'state/dir/link', type: 'symlink', linkname: '/etc/passwd', mode: 0o777, ...owner });
  pack.entry({ name: 'state/top.json', mode: 0o600, ...owner }, '{}');
  pack.finalize();
  return buffer(pack);
}

async function emptyTar(): Promise<Buffer> {
  const pack = tar.pack();
  pack.finalize();
  return buffer(pack);
}
