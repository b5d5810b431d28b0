import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineRefused } from '../../../infra/engine/errors.ts';
import { Bench, type EngineTarget } from '../target.ts';

export function auditCases(target: EngineTarget): void {
  describe('audit', () => {
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

    it('tells how a container is confined, whether it runs or not, and no more once it is gone', async () => {
      await bench.engine.ensureNetwork();
      const volume = `${bench.installation}_v`;
      const spec = await bench.spec(
        {},
        { network: 'bots', volumes: [{ volume, path: '/data', readOnly: true, labels: {} }] },
      );
      const id = await bench.engine.create(spec);
      const { cgroupVersion } = await bench.engine.capabilities();
      const created = await bench.engine.confinement(id);
      expect(created).toMatchObject({
        name: spec.name,
        user: '1000:1000',
        privileged: false,
        readOnlyRoot: true,
        capabilitiesAdded: [],
        capabilitiesDropped: ['ALL'],
        noNewPrivileges: true,
        seccomp: 'default',
        memoryBytes: spec.limits.memoryBytes,
        memoryAndSwapBytes: spec.limits.memoryBytes,
        cpuShares: spec.limits.cpuShares,
        pids: spec.limits.pids,
        mounts: [
          { type: 'volume', source: volume, path: '/data', readOnly: true, shared: false },
          { type: 'tmpfs', source: '', path: '/tmp', readOnly: false, shared: false },
        ],
        devices: [],
        ports: [],
        restart: 'no',
        healthCheck: false,
        networks: [(await bench.engine.ensureNetwork()).name],
        defaultNetwork: false,
      });
      expect(created?.ulimits).toEqual(expect.arrayContaining(['nofile', 'nproc']));
      // Before cgroup version 2 the engine gives none of its own.
      expect(created?.sharesWithHost.filter((each) => each !== 'cgroup' || cgroupVersion === 2)).toEqual([]);
      await bench.engine.start(id);
      expect(await bench.engine.confinement(id)).toEqual(created);
      await bench.engine.remove(id, { force: true });
      expect(await bench.engine.confinement(id)).toBeUndefined();
    });

    it('tells nothing of another installation’s container', async () => {
      const theirs = await other.create();
      await expect(bench.engine.confinement(theirs)).rejects.toBeInstanceOf(EngineRefused);
    });

    it('tells of the host and its network, and makes none to do so', async () => {
      expect((await other.engine.hostFacts()).botNetwork).toBeUndefined();
      expect((await other.engine.hostFacts()).botNetwork).toBeUndefined();
      const made = await other.engine.ensureNetwork();
      const { botNetwork, kernel, memoryBytes } = await other.engine.hostFacts();
      expect(botNetwork).toMatchObject({ bridge: made.bridge, subnets: made.subnets });
      expect(botNetwork?.gateway).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
      expect(kernel).not.toBe('');
      expect(memoryBytes).toBeGreaterThan(0);
    });
  });
}
