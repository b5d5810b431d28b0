import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import type { ContainerSpec } from '../../infra/engine/port.ts';
import { createLogger } from '../../infra/logger.ts';
import { until } from '../support/poll.ts';
import { shellCommand, testImage } from './shell.ts';
import { Bench, type EngineTarget, text } from './target.ts';

const log = createLogger({ level: 'silent', service: 'test' });
const target: EngineTarget = {
  name: 'docker engine',
  open: (installation) => createDockerEngine({ installation, log }),
  unreachable: () => [],
  image: testImage,
  command: shellCommand,
};

const LISTENER = `
import socket, time
server = socket.create_server(("0.0.0.0", 7000))
print("up", socket.gethostbyname(socket.gethostname()), flush=True)
time.sleep(60)
`;
const CONNECT = `
import socket, sys
for host in sys.argv[1:]:
    try:
        socket.create_connection((host, 7000), 1.5)
        print("reached")
    except OSError:
        print("not reached")
`;

/** Everything here is seen from inside a container: what a configuration says is no proof of what it does. */
describe('a container on Docker', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = new Bench(target);
    await bench.engine.ensureNetwork();
  });
  afterAll(() => bench.clean());

  /** Runs a shell script to its end. */
  async function inside(script: string, changes: Partial<ContainerSpec> = {}) {
    const id = await bench.create({}, { command: ['sh', '-c', script], ...changes });
    await bench.engine.start(id);
    await bench.engine.wait(id);
    const detail = await bench.engine.inspect(id);
    const output = await text(bench.engine.logs(id, {}));
    await bench.engine.remove(id);
    return { output, detail };
  }

  it('runs as uid 1000, without capabilities, without new privileges, behind seccomp', async () => {
    const { output } = await inside('id -u; id -g; cat /proc/self/status');
    expect(output).toMatch(/^1000\n1000\n/);
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
      expect(output).toMatch(new RegExp(`${set}:\\s+0+\\n`));
    expect(output).toMatch(/NoNewPrivs:\s+1\n/);
    expect(output).toMatch(/Seccomp:\s+2\n/);
  });

  it('cannot write to its root, and can to its tmpfs, up to its size', async () => {
    const { output } = await inside(
      'touch /x /usr/x /etc/x 2>/dev/null || echo root-ro; head -c 3000000 /dev/zero > /tmp/a && echo fits; head -c 3000000 /dev/zero > /tmp/b 2>/dev/null || echo full',
    );
    expect(output).toBe('root-ro\nfits\nfull\n');
  });

  it('has its tmpfs as they were asked for', async () => {
    const { output } = await inside(
      `cat /proc/mounts; ls -ldn /tmp /scratch
      for d in /scratch /tmp; do printf '#!/bin/sh\\necho ran\\n' > $d/t; chmod +x $d/t; $d/t 2>/dev/null || echo refused; done`,
      {
        tmpfs: [
          { path: '/tmp', sizeMb: 4, exec: false, mode: 0o1777 },
          { path: '/scratch', sizeMb: 8, exec: true, mode: 0o700 },
        ],
      },
    );
    const mount = (path: string) =>
      output.split('\n').find((line) => line.startsWith('tmpfs') && line.split(' ')[1] === path);
    for (const word of ['rw', 'nosuid', 'nodev', 'noexec', 'size=4096k'])
      expect(mount('/tmp')).toContain(word);
    for (const word of ['nosuid', 'nodev', 'size=8192k']) expect(mount('/scratch')).toContain(word);
    expect(mount('/scratch')).not.toContain('noexec');
    expect(output).toMatch(/drwxrwxrwt\s+\d+ 1000\s+1000 .*\/tmp\n/);
    expect(output).toMatch(/drwx------\s+\d+ 1000\s+1000 .*\/scratch\n/);
    expect(output).toMatch(/ran\nrefused\n$/);
  });

  it('has a small /dev/shm of its own', async () => {
    const { output } = await inside('grep " /dev/shm " /proc/mounts');
    expect(output).toContain('size=4096k');
  });

  it('cannot have more processes than its limit', async () => {
    const { output } = await inside('for i in $(seq 1 80); do sleep 5 & done 2>/dev/null; echo all', {
      limits: { ...(await bench.spec()).limits, pids: 20 },
    });
    expect(output).not.toContain('all');
  });

  it('is killed when it takes more memory than its limit, and its end says so', async () => {
    const script = 'head -c 100000000 /dev/zero | tail -c 90000000 > /dev/null; exit $?';
    const limits = { ...(await bench.spec()).limits, memoryBytes: 16 * 1024 * 1024 };
    const id = await bench.run({}, { command: ['sh', '-c', script], limits });
    expect((await bench.engine.wait(id)).exitCode).not.toBe(0);
    // Docker hears of that apart from the end, and maybe after it.
    await until(async () => (await bench.engine.inspect(id))?.oomKilled, { what: 'the engine telling why' });
  });

  it('has its limits of open files and processes', async () => {
    const { output } = await inside('cat /proc/self/limits');
    expect(output).toMatch(/Max open files\s+256\s+256/);
    expect(output).toMatch(/Max processes\s+4096\s+4096/);
  });

  it('can make no file larger than its limit, however it does so', async () => {
    const { output } = await inside(
      'exec 2>/dev/null; trap "" XFSZ; head -c 1000000 /dev/zero > /tmp/a && echo fits; head -c 3000000 /dev/zero > /tmp/b || echo cut; stat -c %s /tmp/b; truncate -s 3000000 /tmp/c || echo refused',
      { limits: { ...(await bench.spec()).limits, fileBytes: 2 * 1024 * 1024 } },
    );
    expect(output).toBe('fits\ncut\n2097152\nrefused\n');
  });

  it('has an init process that reaps what its program leaves behind', async () => {
    const { output } = await inside(
      'cat /proc/1/cmdline | tr "\\000" " "; echo; (sh -c "sleep 0.1 &" ); sleep 0.5; cat /proc/[0-9]*/stat',
    );
    expect(output).toMatch(/init/);
    expect(output).not.toMatch(/\) Z /);
  });

  it('reaches no other container of its network, nor finds the host by a name', async () => {
    const listener = await bench.run({}, { command: ['python3', '-c', LISTENER], network: 'bots' });
    const address = await until(
      async () => /up (\S+)\n/.exec(await text(bench.engine.logs(listener, {})))?.[1],
    );
    // The host itself can: so it listens, and whoever does not get through is kept away.
    await new Promise<void>((resolve, reject) => {
      const socket = connect(7000, address, () => resolve(void socket.destroy())).on('error', reject);
    });
    const name = (await bench.engine.inspect(listener))?.name ?? '';
    const { output } = await inside(`python3 -c '${CONNECT}' ${address} ${name}; cat /etc/hosts`, {
      network: 'bots',
    });
    expect(output).toMatch(/^not reached\nnot reached\n/);
    expect(output).not.toMatch(/host\.docker\.internal|host-gateway/);
  });

  it('without a network has loopback only', async () => {
    const { output } = await inside('cat /proc/net/dev | grep : | cut -d: -f1 | tr -d " "', {
      network: 'none',
    });
    expect(output.trim().split('\n')).toContain('lo');
    expect(output).not.toContain('eth');
  });

  it('ends with 127 and says why when its program is not there', async () => {
    const { detail, output } = await inside('', { command: ['/no/such/program'] });
    expect(detail?.exitCode).toBe(127);
    expect(output).toMatch(/no such file/i);
  });

  it('does not see the environment of its caller', async () => {
    const { output } = await inside('env', { env: { BOT_ID: 'b1' } });
    expect(output).toContain('BOT_ID=b1');
    expect(output).not.toMatch(/DOCKER|MONGO|NATS|REDIS|S3_/);
  });
});
