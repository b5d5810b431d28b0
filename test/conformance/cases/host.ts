import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineRefused, EngineUnavailable, PullFailed, StartRefused } from '../../../infra/engine/errors.ts';
import { until } from '../../support/poll.ts';
import { Bench, type EngineTarget, text } from '../target.ts';

export function hostCases(target: EngineTarget): void {
  describe('host', () => {
    let bench: Bench;
    let other: Bench;
    beforeAll(() => {
      bench = new Bench(target);
      other = new Bench(target);
    });
    afterAll(async () => {
      await bench.clean();
      await other.clean();
    });

    it('is the same host, whichever installation asks', async () => {
      const identity = await bench.engine.identify();
      expect(identity.id).not.toBe('');
      expect(await other.engine.identify()).toEqual(identity);
      expect((await bench.engine.capabilities()).cpus).toBeGreaterThan(0);
    });

    it('shows an installation only what is its own', async () => {
      const mine = await bench.create({}, { labels: { 'runtime.managed': 'true' } });
      const theirs = await other.create({}, { labels: { 'runtime.managed': 'true' } });
      await other.engine.createVolume(`${other.installation}_v`, {});
      expect((await bench.engine.list()).map((view) => view.id)).toEqual([mine]);
      expect(await bench.engine.listVolumes()).toEqual([]);
      const managed = (await bench.engine.list({ scope: 'any-managed' })).map((view) => view.id);
      expect(managed).toEqual(expect.arrayContaining([mine, theirs]));
    });

    it('tells an installation no events of another', async () => {
      const { events, stop } = await bench.listen(Date.now() - 1);
      const theirs = await other.create();
      const mine = await bench.create();
      await until(() => events.some((event) => event.containerId === mine));
      await stop();
      expect(events.some((event) => event.containerId === theirs)).toBe(false);
    });

    it('never acts on the container of another installation, even by its id', async () => {
      const theirs = await other.run();
      await expect(bench.engine.stop(theirs, 0)).rejects.toBeInstanceOf(EngineRefused);
      await expect(bench.engine.remove(theirs, { force: true })).rejects.toBeInstanceOf(EngineRefused);
      await expect(bench.engine.start(theirs)).rejects.toBeInstanceOf(EngineRefused);
      expect((await other.engine.inspect(theirs))?.state).toBe('running');
    });

    it('makes one network, however many ask at once, and each installation has its own', async () => {
      const networks = await Promise.all(Array.from({ length: 4 }, () => bench.engine.ensureNetwork()));
      for (const network of networks) expect(network).toEqual(networks[0]);
      expect(networks[0]?.bridge.length).toBeLessThanOrEqual(15);
      expect(networks[0]?.subnets.length).toBeGreaterThan(0);
      const theirs = await other.engine.ensureNetwork();
      expect(theirs.name).not.toBe(networks[0]?.name);
      expect(theirs.bridge).not.toBe(networks[0]?.bridge);
      await other.engine.removeNetwork();
      await other.engine.removeNetwork();
      expect(await bench.engine.ensureNetwork()).toEqual(networks[0]);
    });

    it('refuses to start on a network that is not there', async () => {
      await other.engine.removeNetwork();
      const id = await other.create({}, { network: 'bots' });
      await expect(other.engine.start(id)).rejects.toBeInstanceOf(StartRefused);
      const refused = await other.engine.inspect(id);
      expect(refused?.state).not.toBe('running');
      expect(refused?.error).toMatch(/not found/);
      await other.engine.ensureNetwork();
      await other.engine.start(id);
      expect((await other.engine.inspect(id))?.state).toBe('running');
    });

    it('resolves an image to its id, and says when there is none', async () => {
      const id = await target.image(bench.engine);
      expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
      expect(await bench.engine.resolveImage(id)).toBe(id);
      expect(await bench.engine.resolveImage('no-such/image:9')).toBeUndefined();
      expect(await bench.engine.resolveImage('UPPER case//::')).toBeUndefined();
    });

    it('does not remove an image that a container uses, running or not', async () => {
      const spec = await bench.spec();
      const id = await bench.engine.create(spec);
      expect(await bench.engine.removeImage(spec.image)).toBe(false);
      expect(await bench.engine.resolveImage(spec.image)).toBe(spec.image);
      await bench.engine.remove(id);
      expect(await bench.engine.removeImage(`sha256:${'0'.repeat(64)}`)).toBe(true);
    });

    it('says that an image cannot be pulled', async () => {
      // Port 1 on loopback: nothing outside this machine is asked.
      await expect(bench.engine.pullImage('127.0.0.1:1/no/such:1')).rejects.toBeInstanceOf(PullFailed);
    });

    it('that cannot be reached fails every call as such', async () => {
      const spec = await bench.spec();
      const id = 'a'.repeat(64);
      for (const engine of target.unreachable()) {
        const calls: Promise<unknown>[] = [
          engine.identify(),
          engine.hostFacts(),
          engine.confinement(id),
          engine.create(spec),
          engine.start(id),
          engine.stop(id, 0),
          engine.remove(id),
          engine.inspect(id),
          engine.list(),
          engine.wait(id),
          engine.usage([id]),
          engine.resolveImage('x'),
          engine.pullImage('127.0.0.1:1/x'),
          engine.removeImage(`sha256:${id}`),
          engine.readArchive(id, '/x'),
          engine.writeArchive(id, '/x', Buffer.alloc(1024)),
          engine.pathMode(id, '/x'),
          engine.listVolumes(),
          engine.ensureNetwork(),
          text(engine.logs(id, {})),
          (async () => {
            for await (const event of engine.events({ signal: new AbortController().signal }))
              throw new Error(event.type);
          })(),
        ];
        for (const result of await Promise.allSettled(calls))
          expect(result.status === 'rejected' && result.reason).toBeInstanceOf(EngineUnavailable);
        await engine[Symbol.asyncDispose]();
      }
    });
  });
}
