import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Engine } from '../../infra/engine/port.ts';
import { S3Client } from '../../infra/s3/client.ts';
import { BadArchive } from '../../processors/code/bad-archive.ts';
import { codeLimits } from '../../processors/code/store.ts';
import { buildZip, deflatedZeros, noise, type Part } from '../fixtures/archives/zip-bytes.ts';
import { until } from '../support/poll.ts';
import { CodeRig, NOTHING } from './code-rig.ts';

const rig = new CodeRig();

/** The engine, which takes the beginning of an archive, and the rest only once it is let: `halfway` resolves in between. */
function haltingEngine(): { engine: Engine; halfway: Promise<void>; goOn: () => void } {
  const halfway = Promise.withResolvers<void>();
  const rest = Promise.withResolvers<void>();
  async function* halting(tar: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of tar) {
      yield chunk;
      halfway.resolve();
      await rest.promise;
    }
  }
  const writeArchive: Engine['writeArchive'] = (id, path, tar, options) =>
    rig.engine.writeArchive(
      id,
      path,
      Readable.from(halting(tar as unknown as AsyncIterable<Buffer>), { objectMode: false }),
      options,
    );
  const engine = Object.assign(Object.create(rig.engine) as Engine, { writeArchive });
  return { engine, halfway: halfway.promise, goOn: rest.resolve };
}

describe('code that was never here', () => {
  it('is fetched, checked and unpacked into a volume: root’s files, plain modes, nothing else', async () => {
    const large = noise(3_000_000, 5);
    const key = await rig.upload([
      { name: 'main.py', data: 'print(1)\n', mode: 0o100600 },
      { name: 'bin/run', data: '#!/bin/sh\n', mode: 0o106755 },
      { name: 'target/release/bot', data: 'ELF', mode: 0o100644 },
      { name: '.wh.main.py', data: 'not a whiteout' },
      { name: `deep/${'folder-name/'.repeat(20)}datei-äöü.txt`, data: 'long and not ASCII' },
      { name: 'model.bin', data: large },
    ]);
    const code = await rig.ensure(key, ['./target/release/bot']);
    const found = await rig.mounted(code);
    const root = { owner: '0:0', type: 'file' };
    expect(found.get('main.py')).toEqual({ ...root, mode: 0o644, content: 'print(1)\n' });
    expect(found.get('bin/run')).toEqual({ ...root, mode: 0o755, content: '#!/bin/sh\n' });
    expect(found.get('target/release/bot')).toMatchObject({ mode: 0o755 });
    expect(found.get('.wh.main.py')).toMatchObject({ content: 'not a whiteout' });
    expect(found.get(`deep/${'folder-name/'.repeat(20)}datei-äöü.txt`)).toMatchObject({
      content: 'long and not ASCII',
    });
    expect(found.get('model.bin')?.content).toBe(large.toString());
    expect(found.get('')).toMatchObject({ type: 'directory', mode: 0o755, owner: '0:0' });
    expect(found.get('target')).toMatchObject({ type: 'directory', mode: 0o755, owner: '0:0' });
    expect([...found.keys()].filter((name) => name !== '').sort()).toEqual(
      code.manifest.map(({ path }) => path).sort(),
    );
    expect(code.manifest.filter(({ executable }) => executable).map(({ path }) => path)).toEqual([
      'bin/run',
      'target/release/bot',
    ]);
    expect(await rig.names()).toEqual({ volumes: [code.volume], containers: [] });
    expect(code.volume.startsWith(`${rig.installation}_code_${code.codeId}-`)).toBe(true);
  });

  it('is unpacked once for eight starts at the same time', async () => {
    const key = await rig.upload();
    const one = rig.store();
    const codes = await Promise.all(
      Array.from({ length: 8 }, () => one.ensure({ filePath: key, executablePaths: [], image: rig.image })),
    );
    expect(new Set(codes.map(({ volume }) => volume)).size).toBe(1);
    expect(await rig.names()).toEqual({ volumes: [codes[0]?.volume], containers: [] });
  });

  it('is kept once when processors race for it: the losers remove their own', async () => {
    const key = await rig.upload();
    const codes = await Promise.all(Array.from({ length: 4 }, () => rig.ensure(key)));
    expect(new Set(codes.map(({ volume }) => volume)).size).toBe(1);
    expect(await rig.names()).toEqual({ volumes: [codes[0]?.volume], containers: [] });
    expect(await rig.volumes.countDocuments()).toBe(1);
  });

  it('goes on for the others when one caller gives up, and stops when all have', async () => {
    const key = await rig.upload([{ name: 'main.py', data: noise(8_000_000, 9) }]);
    const { engine, halfway, goOn } = haltingEngine();
    const one = rig.store({ engine });
    const leaving = new AbortController();
    const first = one.ensure({
      filePath: key,
      executablePaths: [],
      image: rig.image,
      signal: leaving.signal,
    });
    const second = one.ensure({ filePath: key, executablePaths: [], image: rig.image });
    const firstEnd = expect(first).rejects.toThrow('not wanted');
    await halfway;
    leaving.abort(new Error('not wanted'));
    await firstEnd;
    goOn();
    const code = await second;
    expect((await rig.names()).volumes).toEqual([code.volume]);

    const other = await rig.upload([{ name: 'main.py', data: noise(8_000_000, 10) }]);
    const all = new AbortController();
    const halted = haltingEngine();
    const alone = expect(
      rig
        .store({ engine: halted.engine })
        .ensure({ filePath: other, executablePaths: [], image: rig.image, signal: all.signal }),
    ).rejects.toThrow('nobody');
    await halted.halfway;
    expect((await rig.names()).volumes).toHaveLength(2);
    all.abort(new Error('nobody'));
    await alone;
    await until(
      async () => (await rig.names()).volumes.length === 1 && (await rig.names()).containers.length === 0,
    );
    halted.goOn();
  });
});

describe('code that is here', () => {
  it('is used again, also for another key with the same content, and by a process that starts later', async () => {
    const parts = [{ name: 'main.py', data: 'the same content' }];
    const [a, b] = [await rig.upload(parts), await rig.upload(parts)];
    const first = await rig.ensure(a);
    const second = await rig.ensure(b);
    expect(second).toEqual(first);
    expect((await rig.volumes.findOne({ _id: first.codeId }))?.keys.sort()).toEqual([a, b].sort());
  });

  it('is unpacked anew where another file has to be executable', async () => {
    const key = await rig.upload([
      { name: 'bot', data: 'a' },
      { name: 'query', data: 'b' },
    ]);
    const plain = await rig.ensure(key);
    const both = await rig.ensure(key, ['query', 'bot', 'bot']);
    expect(both.volume).not.toBe(plain.volume);
    expect((await rig.mounted(both)).get('query')).toMatchObject({ mode: 0o755 });
    expect((await rig.mounted(plain)).get('query')).toMatchObject({ mode: 0o644 });
    expect((await rig.ensure(key, ['bot', 'query'])).volume).toBe(both.volume);
  });

  it('is made again when its volume has vanished', async () => {
    const key = await rig.upload();
    const first = await rig.ensure(key);
    await rig.engine.removeVolume(first.volume);
    const again = await rig.ensure(key);
    expect(again.volume).not.toBe(first.volume);
    expect((await rig.names()).volumes).toEqual([again.volume]);
    expect((await rig.volumes.findOne({ _id: again.codeId }))?.volume).toBe(again.volume);
  });

  it('is not believed to be here when it was another engine that had it', async () => {
    const key = await rig.upload();
    const before = await rig.store({ engineId: 'an-engine-of-the-past' }).ensure({
      filePath: key,
      executablePaths: [],
      image: rig.image,
    });
    const now = await rig.ensure(key);
    expect(now.volume).not.toBe(before.volume);
    expect((await rig.volumes.findOne({ _id: now.codeId }))?.engineId).toBe(rig.engineId);
  });

  it('starts a bot again although S3 is away or refuses our keys; code that is not here has to wait', async () => {
    const key = await rig.upload();
    const code = await rig.ensure(key);
    using away = new S3Client({ ...rig.s3Options, endpoint: '127.0.0.1:1' });
    using denied = new S3Client({ ...rig.s3Options, secretKey: 'wrong' });
    expect(
      await rig.store({ s3: away }).ensure({ filePath: key, executablePaths: [], image: rig.image }),
    ).toEqual(code);
    expect(
      await rig.store({ s3: denied }).ensure({ filePath: key, executablePaths: [], image: rig.image }),
    ).toEqual(code);
    await expect(
      rig.store({ s3: away }).ensure({ filePath: key, executablePaths: ['main.py'], image: rig.image }),
    ).rejects.toMatchObject({ code: 's3_unavailable', retryable: true });
    await expect(
      rig.store({ s3: away }).ensure({ filePath: 'never/seen', executablePaths: [], image: rig.image }),
    ).rejects.toMatchObject({ code: 's3_unavailable', retryable: true });
    await expect(
      rig.store({ s3: denied }).ensure({ filePath: 'never/seen', executablePaths: [], image: rig.image }),
    ).rejects.toMatchObject({ code: 's3_denied', retryable: true });
  });
});

describe('code that cannot be had', () => {
  it.each([
    ['no code was ever uploaded', '', { code: 'no_code', retryable: false }],
    ['the key is not there', 'user/bot/0.0.0', { code: 'object_missing', retryable: true }],
  ])('%s', async (_what, filePath, expected) => {
    await expect(
      rig.store().ensure({ filePath, executablePaths: [], image: rig.image }),
    ).rejects.toMatchObject(expected);
    expect(await rig.names()).toEqual(NOTHING);
  });

  it('the bucket is not there', async () => {
    await expect(
      rig
        .store({ bucket: `${rig.bucket}-absent` })
        .ensure({ filePath: 'k', executablePaths: [], image: rig.image }),
    ).rejects.toMatchObject({ code: 'bucket_missing', retryable: true });
  });

  it.each([
    ['seen in the directory', [{ name: '../evil', data: 'x' }], 'unsafe_name'],
    [
      'seen in the last of many entries',
      [
        { name: 'big', data: noise(2_000_000) },
        { name: 'last', data: 'x', states: { crc32: 1 } },
      ],
      'crc_mismatch',
    ],
    [
      'a bomb seen while it unpacks',
      [{ name: 'zeros', raw: deflatedZeros(64), states: { bytes: 5_000_000 } }],
      'size_mismatch',
    ],
  ] as [string, Part[], string][])(
    'a bad archive, %s: refused for good, and nothing is left behind',
    async (_what, parts, code) => {
      const key = await rig.upload([{ name: 'main.py', data: 'x' }, ...parts]);
      const error = await rig.ensure(key, []).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(BadArchive);
      expect(error).toMatchObject({ code, retryable: false });
      expect(await rig.names()).toEqual(NOTHING);
      expect(await rig.volumes.countDocuments()).toBe(0);
    },
  );

  it('an archive larger than allowed is not even fetched', async () => {
    const key = await rig.upload([{ name: 'main.py', data: noise(2_000_000) }]);
    const limits = { ...codeLimits(rig.settings), maxArchiveBytes: 1_000_000 };
    await expect(
      rig.store({ limits }).ensure({ filePath: key, executablePaths: [], image: rig.image }),
    ).rejects.toMatchObject({ code: 'archive_too_large', retryable: false });
  });

  it('the helper’s image is gone: retryable, and nothing is left behind', async () => {
    const key = await rig.upload();
    const gone = `sha256:${'0'.repeat(64)}`;
    await expect(
      rig.store().ensure({ filePath: key, executablePaths: [], image: gone }),
    ).rejects.toMatchObject({
      code: 'image_missing',
      retryable: true,
    });
    expect(await rig.names()).toEqual(NOTHING);
  });
});

describe('when something happens in between', () => {
  it('an object replaced while it is read is not taken for the one looked up', async () => {
    const key = await rig.upload();
    class Replacing extends S3Client {
      override async stat(...args: Parameters<S3Client['stat']>): ReturnType<S3Client['stat']> {
        const found = await super.stat(...args);
        await rig.s3.put(rig.bucket, key, buildZip([{ name: 'main.py', data: 'other' }]));
        return found;
      }
    }
    using s3 = new Replacing(rig.s3Options);
    const one = rig.store({ s3 }).ensure({ filePath: key, executablePaths: [], image: rig.image });
    await expect(one).rejects.toMatchObject({ code: 'object_changed', retryable: true });
    expect(await rig.names()).toEqual(NOTHING);
  });

  it('MongoDB lost while the record is written: the volume stays unused, is collected later, and code can be had again', async () => {
    const key = await rig.upload();
    const broken = new Proxy(rig.volumes, {
      get: (target, name) => {
        if (name === 'insertOne') return () => Promise.reject(new Error('connection lost'));
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    const one = rig
      .store({ volumes: broken })
      .ensure({ filePath: key, executablePaths: [], image: rig.image });
    await expect(one).rejects.toThrow('connection lost');
    const { volumes: left } = await rig.names();
    expect(left).toHaveLength(1);
    const code = await rig.ensure(key);
    const later = rig.store({ now: () => Date.now() + 2 * 3_600_000 });
    const { leftBehind } = await later.collectUnused({ olderThanMs: 24 * 3_600_000, inUse: new Set() });
    expect(leftBehind).toEqual(left);
    expect(await rig.names()).toEqual({ volumes: [code.volume], containers: [] });
  });
});
