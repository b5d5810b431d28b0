import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import { createLogger } from '../../infra/logger.ts';
import { stateVolumeName } from '../../model/names.ts';
import { testImage } from '../conformance/shell.ts';
import { StateWorld } from './state-world.ts';

const log = createLogger({ level: 'silent', service: 'test' });

/** What a bot may leave in its state, on a real volume: read at its mount point, and through the engine. */
describe.each([true, false])('a state with what cannot be saved (at the mount point: %s)', (localVolumes) => {
  let world: StateWorld;
  beforeAll(async () => {
    world = await StateWorld.open(async ({ installation }) => {
      const engine = createDockerEngine({ installation, log, localVolumes });
      return { engine, image: await testImage(engine) };
    });
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  /** Runs Python in the bot's container, to its end. */
  async function run(id: string, program: string): Promise<void> {
    const container = await world.container(id, { command: ['python3', '-c', program] });
    await world.keeper.restore(id, container, { nonce: `${id}-run`, signal: world.signal });
    await world.engine.start(container.id);
    const { exitCode } = await world.engine.wait(container.id);
    expect(exitCode).toBe(0);
    await world.engine.remove(container.id);
  }

  it('saves the rest, and names each', async () => {
    await run(
      'odd',
      `
import os, socket
os.chdir('/state')
os.mkdir('sub')
open('sub/fine.txt', 'w').write('fine')
os.mkfifo('pipe')
socket.socket(socket.AF_UNIX).bind('socket')
os.symlink('/etc/passwd', 'link')
os.symlink('/', 'root')
os.link('sub/fine.txt', 'second-name.txt')
open('large.bin', 'wb').write(b'x' * 2000000)
open('closed.txt', 'w').write('closed')
os.chmod('closed.txt', 0)
open(b'not-\\xff-utf8', 'w').write('x')
`,
    );
    // A bot cannot make one; who may, did.
    const root = join('/var/lib/docker/volumes', stateVolumeName(world.engine.installation, 'odd'), '_data');
    execFileSync('mknod', [join(root, 'device'), 'c', '1', '3']);
    const saved = await world.save('odd');
    expect(saved).toMatchObject({ kind: 'saved', files: 3 });
    expect(await world.archive('odd')).toEqual({
      '.the0-state/': '',
      'sub/': '',
      'sub/fine.txt': 'fine',
      'second-name.txt': 'fine',
      'closed.txt': 'closed',
    });
    const { problems } = saved as { problems: string[] };
    for (const words of [
      /^"pipe": it is a socket, pipe or device/,
      /^"socket": it is a socket, pipe or device/,
      /^"device": it is a socket, pipe or device/,
      /^"link": it is a link/,
      /^"root": it is a link/,
      /its name is not valid UTF-8/,
      /^"large.bin": it has 2000000 bytes.*MAX_STATE_FILE_SIZE_MB/,
    ])
      expect(problems).toContainEqual(expect.stringMatching(words));
    await world.loseVolume('odd');
    await world.restore('odd');
    expect(await world.volume('odd')).toMatchObject({ 'sub/fine.txt': 'fine', 'closed.txt': 'closed' });
  });

  it('says that 100,000 files are too many, and saves nothing', async () => {
    await run(
      'many',
      `
import os
for n in range(100000): os.close(os.open('/state/%d' % n, os.O_CREAT | os.O_WRONLY))
`,
    );
    expect(await world.save('many')).toMatchObject({
      kind: 'too-large',
      reason: expect.stringMatching(/more than 500 files/) as string,
    });
    expect(await world.archive('many')).toBeUndefined();
    await world.engine.emptyVolume(stateVolumeName(world.engine.installation, 'many'), {
      image: world.image,
    });
  });

  it('says that it is too large in all', async () => {
    await run(
      'large',
      `
for n in range(66): open('/state/%d' % n, 'wb').write(b'x' * 1000000)
`,
    );
    expect(await world.save('large')).toMatchObject({ kind: 'saved' });
    await run(
      'large',
      `
for n in range(66, 70): open('/state/%d' % n, 'wb').write(b'x' * 1000000)
`,
    );
    expect(await world.save('large')).toMatchObject({
      kind: 'too-large',
      reason: expect.stringMatching(/at most 67108864/) as string,
    });
  });
});
