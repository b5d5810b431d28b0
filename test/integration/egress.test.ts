import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import {
  checkEgress,
  type EgressPlan,
  installEgress,
  planEgressRules,
  probeMetadata,
  removeEgress,
  resolversOf,
} from '../../infra/engine/egress/index.ts';
import { createLogger } from '../../infra/logger.ts';
import { testImage } from '../conformance/shell.ts';
import { newInstallation } from '../conformance/target.ts';
import { NetworkElsewhere } from './egress-elsewhere.ts';

const isRoot = process.getuid?.() === 0;
const log = createLogger({ level: 'silent', service: 'test' });
const resolvers = resolversOf(readFileSync('/etc/resolv.conf', 'utf8'));

/** All filter rules that mention the installation's bridge or chains. */
function rulesAbout(plan: EgressPlan): string[] {
  const words = [plan.bridge, ...plan.chains.map((chain) => chain.name)];
  const rules = execFileSync('iptables', ['-w', '10', '-S']).toString().split('\n');
  return rules.filter((rule) => words.some((word) => rule.includes(word)) && rule.includes('THE0-'));
}

describe.runIf(isRoot)('egress filter on the real engine', () => {
  const engine = createDockerEngine({ installation: newInstallation(), log });
  const elsewhere = new NetworkElsewhere();
  let image: string;
  let gateway: string;
  let bridge: string;
  let server: Server;
  let port: number;

  const plan = (allow: string[] = []) =>
    planEgressRules({ installation: engine.installation, bridge, allow, resolvers });
  const reach = (address: string, at = port) => probeMetadata(engine, image, { address, port: at });

  beforeAll(async () => {
    image = await testImage(engine);
    const network = await engine.ensureNetwork();
    bridge = network.bridge;
    gateway = (network.subnets[0] ?? '').replace(/\.0\/\d+$/, '.1');
    server = createServer((socket) => socket.on('error', () => socket.destroy()).end('hello\n'));
    await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
    port = (server.address() as AddressInfo).port;
    await elsewhere.create();
  });

  afterAll(async () => {
    await removeEgress(plan());
    await elsewhere.remove();
    await new Promise((resolve) => server.close(resolve));
    for (const { id } of await engine.list()) await engine.remove(id, { force: true });
    await engine.removeNetwork();
    await engine[Symbol.asyncDispose]();
  });

  it('keeps bots from the host’s own addresses, which they reach without it', async () => {
    const own = Object.values(networkInterfaces())
      .flat()
      .find((address) => address?.family === 'IPv4' && !address.internal)?.address;
    const addresses = [gateway, ...(own === undefined ? [] : [own])];
    await removeEgress(plan());
    for (const address of addresses) expect(await reach(address), address).toBe('reachable');
    expect(await installEgress(plan())).toEqual({ filtered: true });
    for (const address of addresses) expect(await reach(address), address).toBe('unreachable');
  });

  it('keeps bots from private networks behind the host, and lets them out to public addresses', async () => {
    await removeEgress(plan());
    expect(await reach(elsewhere.privateAddress, elsewhere.port)).toBe('reachable');
    expect(await reach(elsewhere.publicAddress, elsewhere.port)).toBe('reachable');
    await installEgress(plan());
    expect(await reach(elsewhere.privateAddress, elsewhere.port)).toBe('unreachable');
    expect(await reach(elsewhere.publicAddress, elsewhere.port)).toBe('reachable');
  });

  it('opens what the operator allows, and only that', async () => {
    expect(await installEgress(plan([`${elsewhere.privateAddress}/32`]))).toEqual({ filtered: true });
    expect(await reach(elsewhere.privateAddress, elsewhere.port)).toBe('reachable');
    expect(await reach(gateway)).toBe('unreachable');
    expect(await installEgress(plan())).toEqual({ filtered: true });
    expect(await reach(elsewhere.privateAddress, elsewhere.port)).toBe('unreachable');
  });

  it('installed twice, or by three at once, is there once', async () => {
    await installEgress(plan());
    const once = rulesAbout(plan());
    await installEgress(plan());
    expect(rulesAbout(plan())).toEqual(once);
    await Promise.all([installEgress(plan()), installEgress(plan()), installEgress(plan())]);
    await installEgress(plan());
    expect(rulesAbout(plan())).toEqual(once);
  });

  it('is noticed when somebody takes a rule away or puts one before it, and mended', async () => {
    await installEgress(plan());
    const [forward] = plan().chains;
    execFileSync('iptables', ['-w', '10', '-D', forward?.name ?? '', '-d', '10.0.0.0/8', '-j', 'DROP']);
    expect(await checkEgress(plan())).toMatchObject({ filtered: false });
    expect(await installEgress(plan())).toEqual({ filtered: true });
    execFileSync('iptables', ['-w', '10', '-I', 'INPUT', '1', '-i', bridge, '-j', 'ACCEPT']);
    try {
      expect(await checkEgress(plan())).toMatchObject({ filtered: false });
      expect(await installEgress(plan())).toEqual({ filtered: true });
      expect(await reach(gateway)).toBe('unreachable');
    } finally {
      execFileSync('iptables', ['-w', '10', '-D', 'INPUT', '-i', bridge, '-j', 'ACCEPT']);
    }
  });

  it('never leaves a moment without rules while it is installed again', async () => {
    await installEgress(plan());
    const jumps = plan().chains.map((chain) => `-i ${bridge} -j ${chain.name}`);
    let running = true;
    const again = (async () => {
      for (let round = 0; round < 15; round++) await installEgress(plan(round % 2 === 0 ? ['10.9.9.9'] : []));
      running = false;
    })();
    while (running) {
      const rules = execFileSync('iptables', ['-w', '10', '-S']).toString();
      for (const jump of jumps) expect(rules).toContain(jump);
      expect(rules).toContain(`-A ${plan().chains[0]?.name} -d 169.254.0.0/16 -j DROP`);
      expect(rules).toContain(`-A ${plan().chains[1]?.name} -j DROP`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await again;
  });

  it('removed leaves nothing behind, and may be removed again', async () => {
    await installEgress(plan());
    expect(rulesAbout(plan()).length).toBeGreaterThan(10);
    await removeEgress(plan());
    expect(rulesAbout(plan())).toEqual([]);
    await removeEgress(plan());
    expect(await checkEgress(plan())).toMatchObject({ filtered: false });
  });

  it('leaves the rules of another installation alone', async () => {
    const other = createDockerEngine({ installation: newInstallation(), log });
    const { bridge: theirs } = await other.ensureNetwork();
    const otherPlan = planEgressRules({
      installation: other.installation,
      bridge: theirs,
      allow: [],
      resolvers,
    });
    try {
      await installEgress(otherPlan);
      await installEgress(plan());
      await removeEgress(plan());
      expect(await checkEgress(otherPlan)).toEqual({ filtered: true });
    } finally {
      await removeEgress(otherPlan);
      await other.removeNetwork();
      await other[Symbol.asyncDispose]();
    }
  });

  it('leaves no probe behind, and says when one could not run', async () => {
    await reach(gateway);
    expect(await engine.list()).toEqual([]);
    expect(await probeMetadata(engine, `sha256:${'0'.repeat(64)}`)).toMatchObject({
      unknown: expect.any(String) as string,
    });
    expect(await engine.list()).toEqual([]);
  });
});

describe('egress filter where it cannot be installed', () => {
  const plan = planEgressRules({ installation: 'x', bridge: 'the0-nowhere', allow: [], resolvers: [] });

  it('says that only root can', async () => {
    expect(await installEgress(plan, { isRoot: () => false })).toMatchObject({
      filtered: false,
      reason: expect.stringContaining('root') as string,
    });
  });

  it('says that the bridge is not on this machine', async () => {
    expect(await installEgress(plan, { isRoot: () => true })).toMatchObject({
      filtered: false,
      reason: expect.stringContaining('the0-nowhere') as string,
    });
  });
});
