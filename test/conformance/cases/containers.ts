import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ContainerMissing,
  EngineRefused,
  ImageMissing,
  NameTaken,
  SpecRefused,
} from '../../../infra/engine/errors.ts';
import { Bench, type EngineTarget } from '../target.ts';

export function containerCases(target: EngineTarget): void {
  describe('containers', () => {
    let bench: Bench;
    beforeAll(() => {
      bench = new Bench(target);
    });
    afterAll(() => bench.clean());

    it('refuses a name that is taken, names the holder, and takes it again once the holder is gone', async () => {
      const spec = await bench.spec();
      const id = await bench.engine.create(spec);
      const refusal = await bench.engine.create(spec).catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(NameTaken);
      expect((refusal as NameTaken).holderId).toBe(id);
      await bench.engine.remove(id);
      expect(await bench.engine.create(spec)).not.toBe(id);
    });

    it('lets exactly one of ten creates of a name at once succeed', async () => {
      const spec = await bench.spec();
      const results = await Promise.allSettled(Array.from({ length: 10 }, () => bench.engine.create(spec)));
      expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
      for (const result of results)
        if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(NameTaken);
    });

    it('never lets an old id act on a newer container of the same name', async () => {
      const spec = await bench.spec();
      const old = await bench.engine.create(spec);
      await bench.engine.remove(old);
      const id = await bench.engine.create(spec);
      await bench.engine.start(id);
      await bench.engine.stop(old, 0);
      await bench.engine.remove(old, { force: true });
      await expect(bench.engine.start(old)).rejects.toBeInstanceOf(ContainerMissing);
      await expect(bench.engine.wait(old)).rejects.toBeInstanceOf(ContainerMissing);
      expect(await bench.engine.inspect(old)).toBeUndefined();
      expect(await bench.engine.inspect(spec.name)).toMatchObject({ id, state: 'running' });
    });

    it('refuses names and shortened ids where an id is expected', async () => {
      const spec = await bench.spec();
      const id = await bench.engine.create(spec);
      for (const wrong of [spec.name, id.slice(0, 12), '', '../version']) {
        await expect(bench.engine.start(wrong)).rejects.toBeInstanceOf(EngineRefused);
        await expect(bench.engine.stop(wrong, 0)).rejects.toBeInstanceOf(EngineRefused);
        await expect(bench.engine.remove(wrong)).rejects.toBeInstanceOf(EngineRefused);
        await expect(bench.engine.wait(wrong)).rejects.toBeInstanceOf(EngineRefused);
      }
      expect(await bench.engine.inspect(id.slice(0, 12))).toBeUndefined();
    });

    it('starts, stops and removes as often as it is asked, with the same outcome', async () => {
      const id = await bench.create({ onTerm: { exitCode: 0 } });
      await bench.engine.start(id);
      await bench.engine.start(id);
      await bench.engine.stop(id, 5_000);
      await bench.engine.stop(id, 5_000);
      expect((await bench.engine.inspect(id))?.state).toBe('exited');
      await bench.engine.remove(id);
      await bench.engine.remove(id);
      await bench.engine.stop(id, 0);
      expect(await bench.engine.inspect(id)).toBeUndefined();
    });

    it('refuses to remove a running container unless forced', async () => {
      const id = await bench.run();
      await expect(bench.engine.remove(id)).rejects.toBeInstanceOf(EngineRefused);
      expect((await bench.engine.inspect(id))?.state).toBe('running');
      await bench.engine.remove(id, { force: true });
      expect(await bench.engine.inspect(id)).toBeUndefined();
    });

    it('removes once when asked five times at once', async () => {
      const id = await bench.run();
      await Promise.all(Array.from({ length: 5 }, () => bench.engine.remove(id, { force: true })));
      expect(await bench.engine.inspect(id)).toBeUndefined();
    });

    it('tells what it created: labels, kind, image, state, times', async () => {
      const before = Date.now();
      const spec = await bench.spec({}, { labels: { 'runtime.id': 'bot-1', odd: 'a=b "c" ü' } });
      const id = await bench.engine.create(spec);
      const created = await bench.engine.inspect(spec.name);
      expect(created).toMatchObject({
        id,
        name: spec.name,
        state: 'created',
        image: spec.image,
        oomKilled: false,
      });
      expect(created?.labels).toMatchObject({
        'runtime.id': 'bot-1',
        odd: 'a=b "c" ü',
        'the0.installation': bench.installation,
        'the0.kind': 'bot',
      });
      expect(created?.startedAtMs).toBeUndefined();
      expect(created?.exitCode).toBeUndefined();
      expect(created?.createdAtMs).toBeGreaterThanOrEqual(before - 1_000);
      await bench.engine.start(id);
      const started = await bench.engine.inspect(id);
      expect(started?.startedAtMs).toBeGreaterThanOrEqual(before - 1_000);
      expect(started?.finishedAtMs).toBeUndefined();
    });

    it('keeps installation and kind out of the hands of whoever gives the labels', async () => {
      const id = await bench.create(
        {},
        { labels: { 'the0.installation': 'somebody-else', 'the0.kind': 'helper' } },
      );
      expect((await bench.engine.inspect(id))?.labels).toMatchObject({
        'the0.installation': bench.installation,
        'the0.kind': 'bot',
      });
    });

    it('lists by labels, all of which must match', async () => {
      const mark = bench.name();
      const a = await bench.create({}, { labels: { mark, colour: 'red' } });
      const b = await bench.run({}, { labels: { mark, colour: 'blue' } });
      const list = async (labels: Record<string, string>) =>
        (await bench.engine.list({ labels })).map((view) => view.id).sort();
      expect(await list({ mark })).toEqual([a, b].sort());
      expect(await list({ mark, colour: 'blue' })).toEqual([b]);
      expect(await list({ mark, colour: 'green' })).toEqual([]);
    });

    it('refuses a spec whose image is gone', async () => {
      const image = `sha256:${'0'.repeat(64)}`;
      await expect(bench.create({}, { image })).rejects.toBeInstanceOf(ImageMissing);
    });

    it('refuses what a spec must not say, naming the field', async () => {
      const refusals: [Parameters<Bench['create']>[1], string][] = [
        [{ name: 'somebody-elses-name' }, 'name'],
        [{ image: 'python:3.11-slim' }, 'image'],
        [{ command: [] }, 'command'],
        [{ volumes: [{ volume: '/etc', path: '/v', readOnly: true, labels: {} }] }, 'volumes.volume'],
        [{ volumes: [{ volume: 'other-volume', path: '/v', readOnly: true, labels: {} }] }, 'volumes.volume'],
        [{ tmpfs: [{ path: '/tmp,exec', sizeMb: 1, exec: false, mode: 0o755 }] }, 'tmpfs.path'],
        [{ tmpfs: [{ path: '/proc', sizeMb: 1, exec: false, mode: 0o755 }] }, 'tmpfs.path'],
        [{ seccompProfile: 'unconfined' }, 'seccompProfile'],
        [{ apparmorProfile: 'unconfined' }, 'apparmorProfile'],
        [{ ociRuntime: 'no-such-runtime' }, 'ociRuntime'],
      ];
      for (const [changes, field] of refusals) {
        const error = await bench.create({}, changes).catch((reason: unknown) => reason);
        expect(error, field).toBeInstanceOf(SpecRefused);
        expect((error as SpecRefused).field).toBe(field);
      }
    });
  });
}
