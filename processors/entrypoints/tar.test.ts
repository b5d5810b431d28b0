import { extract } from 'tar-stream';
import { expect, it } from 'vitest';
import { planLaunch } from './plan.ts';
import { tarOf } from './tar.ts';

const plan = planLaunch({
  botId: 'b',
  botType: 'realtime',
  runtime: 'nodejs20',
  entrypoints: { bot: 'main.js' },
  codeFile: 'o/b/1.0.0',
  config: { data: 'x'.repeat(100_000) },
});

it('packs files with their owners, modes and contents', async () => {
  const found: unknown[] = [];
  const unpacked = extract();
  unpacked.end(await tarOf(plan.files));
  for await (const entry of unpacked) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    const { name, mode, uid, gid } = entry.header;
    found.push({ name, mode, uid, gid, content: Buffer.concat(chunks) });
  }
  expect(found).toEqual(plan.files);
});

it('gives the same bytes for the same files', async () => {
  expect((await tarOf(plan.files)).equals(await tarOf(plan.files))).toBe(true);
});
