import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import tar, { type Header } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { BadState } from './errors.ts';
import { readTar } from './tar-reader.ts';

type Made = { header: Partial<Header> & { name: string }; content: Buffer };

async function tarOf(entries: readonly Made[]): Promise<Buffer> {
  const pack = tar.pack();
  for (const { header, content } of entries) pack.entry(header, content);
  pack.finalize();
  return buffer(pack);
}

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(bytes: Buffer, pieces = 700): Promise<{ name: string; kind: string; content: Buffer }[]> {
  const found = [];
  for await (const { name, kind, body } of readTar(inPieces(bytes, pieces))) {
    const chunks: Buffer[] = [];
    for await (const chunk of body) chunks.push(chunk);
    found.push({ name, kind, content: Buffer.concat(chunks) });
  }
  return found;
}

const made = fc.record({
  name: fc
    .array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 5 })
    .map((parts) => parts.map((part) => part.replaceAll(/[\0/]/g, '_')).join('/')),
  content: fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
});

describe('readTar', () => {
  it('reads what was written, in whatever pieces it comes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(made, { maxLength: 8 }),
        fc.integer({ min: 1, max: 1500 }),
        async (files, pieces) => {
          const archive = await tarOf(
            files.map(({ name, content }) => ({ header: { name, mode: 0o640 }, content })),
          );
          const found = await read(archive, pieces);
          expect(found.map(({ name }) => name)).toEqual(files.map(({ name }) => name));
          for (const [index, { content }] of found.entries())
            expect(content.equals(files[index]?.content ?? Buffer.of(1))).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('refuses it wherever it is cut off', async () => {
    const archive = await tarOf([
      { header: { name: 'a.txt' }, content: Buffer.from('a'.repeat(700)) },
      { header: { name: `${'long'.repeat(40)}.txt` }, content: Buffer.from('b') },
    ]);
    for (let end = 0; end < archive.length - 1024; end += 97)
      await expect(read(archive.subarray(0, end)), `cut at ${end}`).rejects.toThrow(BadState);
  });

  it('is never led to anything but its own refusal', async () => {
    const archive = await tarOf([
      { header: { name: 'a.txt', pax: { comment: 'x' } }, content: Buffer.from('a'.repeat(700)) },
      { header: { name: 'folder/', type: 'directory' }, content: Buffer.alloc(0) },
    ]);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: archive.length - 1 }),
        fc.integer({ min: 0, max: 255 }),
        async (at, byte) => {
          const damaged = Buffer.from(archive);
          damaged[at] = byte;
          try {
            await read(damaged);
          } catch (error) {
            expect(error).toBeInstanceOf(BadState);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('passes over what is not read of an entry', async () => {
    const archive = await tarOf([
      { header: { name: 'first' }, content: Buffer.alloc(5000, 'x') },
      { header: { name: 'second' }, content: Buffer.from('2') },
    ]);
    const names = [];
    for await (const { name } of readTar(inPieces(archive, 512))) names.push(name);
    expect(names).toEqual(['first', 'second']);
  });
});
