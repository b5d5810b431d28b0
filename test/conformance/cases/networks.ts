import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ContainerMissing, EngineRefused, SpecRefused, StartRefused } from '../../../infra/engine/errors.ts';
import { Bench, type EngineTarget } from '../target.ts';

export function networkCases(target: EngineTarget): void {
  describe('internal networks', () => {
    let bench: Bench;
    let other: Bench;
    beforeAll(() => {
      bench = new Bench(target);
      other = new Bench(target);
    });
    afterAll(async () => {
      for (const { engine } of [bench, other]) {
        for (const { id } of await engine.list()) await engine.remove(id, { force: true });
        for (const name of await engine.listInternalNetworks()) await engine.removeInternalNetwork(name);
      }
      await bench.clean();
      await other.clean();
    });

    it('are made once each, however many ask, with a bridge of their own', async () => {
      const name = `${bench.installation}_q_one`;
      const made = await Promise.all(
        Array.from({ length: 3 }, () => bench.engine.ensureInternalNetwork(name)),
      );
      expect(new Set(made.map(({ bridge }) => bridge)).size).toBe(1);
      expect(made[0]?.bridge.length).toBeLessThanOrEqual(15);
      const shared = await bench.engine.ensureInternalNetwork(`${bench.installation}_q_shared`, {
        shared: true,
      });
      expect(shared.bridge).not.toBe(made[0]?.bridge);
      expect((await bench.engine.listInternalNetworks()).sort()).toEqual([name, shared.name]);
      expect(await other.engine.listInternalNetworks()).toEqual([]);
      await expect(bench.engine.ensureInternalNetwork(name, { shared: true })).rejects.toBeInstanceOf(
        EngineRefused,
      );
    });

    it('give a container an address while it is up, and stay while it is', async () => {
      const name = `${bench.installation}_q_two`;
      await bench.engine.ensureInternalNetwork(name);
      const id = await bench.create({}, { kind: 'query', network: { internal: name } });
      expect((await bench.engine.inspect(id))?.addresses[name]).toBeUndefined();
      await bench.engine.start(id);
      expect((await bench.engine.inspect(id))?.addresses[name]).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
      expect(await bench.engine.removeInternalNetwork(name)).toBe(false);
      await bench.engine.remove(id, { force: true });
      expect(await bench.engine.removeInternalNetwork(name)).toBe(true);
      expect(await bench.engine.removeInternalNetwork(name)).toBe(true);
    });

    it('can be joined by a query container, and by no bot', async () => {
      const name = `${bench.installation}_q_three`;
      await bench.engine.ensureInternalNetwork(name);
      await bench.engine.ensureNetwork();
      const query = await bench.create({}, { kind: 'query', network: 'bots' });
      await bench.engine.joinInternalNetwork(name, query);
      await bench.engine.joinInternalNetwork(name, query);
      await bench.engine.start(query);
      expect(Object.keys((await bench.engine.inspect(query))?.addresses ?? {}).sort()).toEqual(
        [`${bench.installation}_bots`, name].sort(),
      );
      const bot = await bench.create();
      await expect(bench.engine.joinInternalNetwork(name, bot)).rejects.toBeInstanceOf(EngineRefused);
      const nobody = randomBytes(32).toString('hex');
      await expect(bench.engine.joinInternalNetwork(name, nobody)).rejects.toBeInstanceOf(ContainerMissing);
      await expect(
        bench.engine.joinInternalNetwork(`${bench.installation}_q_none`, query),
      ).rejects.toBeInstanceOf(EngineRefused);
    });

    it('are this installation’s own, by name', async () => {
      const theirs = `${other.installation}_q_x`;
      await expect(bench.engine.ensureInternalNetwork(theirs)).rejects.toBeInstanceOf(SpecRefused);
      await expect(bench.create({}, { kind: 'query', network: { internal: theirs } })).rejects.toBeInstanceOf(
        SpecRefused,
      );
      const gone = await bench.create(
        {},
        { kind: 'query', network: { internal: `${bench.installation}_q_gone` } },
      );
      await expect(bench.engine.start(gone)).rejects.toBeInstanceOf(StartRefused);
    });
  });
}
