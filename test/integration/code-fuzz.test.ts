import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBufferPromise } from 'yauzl';
import { REFUSALS } from '../../processors/code/bad-archive.ts';
import { bufferSource } from '../../processors/code/zip/source.ts';
import { archiveCases, CORPUS_LIMITS } from '../fixtures/archives/cases.ts';
import { judge, unsafe } from '../fixtures/archives/judge.ts';

const SMALL_ENOUGH_BYTES = 100_000;
const good = archiveCases
  .filter(({ expect: verdict }) => verdict === 'good')
  .map(({ name, make }) => ({ name, bytes: make() }));
const small = good.filter(({ bytes }) => bytes.length <= SMALL_ENOUGH_BYTES);

/** Whatever was done to it: an end in good time, a verdict with a reason, and nothing unsafe in the tar. */
async function expectSafe(bytes: Buffer): Promise<void> {
  const started = performance.now();
  const verdict = await judge(bufferSource(bytes), CORPUS_LIMITS);
  expect(verdict.verdict === 'good' || verdict.verdict in REFUSALS).toBe(true);
  expect(verdict.entries.map(unsafe).filter((reason) => reason !== undefined)).toEqual([]);
  for (const entry of verdict.entries) expect(entry.bytesRead).toBe(entry.size ?? 0);
  expect(performance.now() - started).toBeLessThan(5_000);
}

describe('archives damaged at random', () => {
  it('bytes changed anywhere: never a crash, a hang or an unsafe tar entry', async () => {
    const change = fc.record({
      at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      value: fc.integer({ min: 0, max: 255 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...small),
        fc.array(change, { minLength: 1, maxLength: 8 }),
        async ({ bytes }, changes) => {
          const damaged = Buffer.from(bytes);
          for (const { at, value } of changes) damaged[Math.floor(at * damaged.length)] = value;
          await expectSafe(damaged);
        },
      ),
      { numRuns: 1500 },
    );
  }, 120_000);

  it('bytes changed in the headers alone, where every bit means something', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...small),
        fc.nat(),
        fc.nat({ max: 45 }),
        fc.nat({ max: 7 }),
        async ({ bytes }, pick, within, bit) => {
          const headers = [0x04034b50, 0x02014b50, 0x06054b50, 0x06064b50, 0x07064b50].flatMap((signature) =>
            positions(bytes, signature),
          );
          const at = (headers[pick % headers.length] ?? 0) + within;
          const damaged = Buffer.from(bytes);
          if (at < damaged.length) damaged[at] = (damaged[at] ?? 0) ^ (1 << bit);
          await expectSafe(damaged);
        },
      ),
      { numRuns: 2000 },
    );
  }, 120_000);

  it('a stretch removed or doubled', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...small),
        fc.nat(),
        fc.nat(),
        fc.boolean(),
        async ({ bytes }, a, b, removed) => {
          const [from = 0, to = 0] = [a % bytes.length, b % bytes.length].sort((x, y) => x - y);
          await expectSafe(
            Buffer.concat([bytes.subarray(0, removed ? from : to), bytes.subarray(removed ? to : from)]),
          );
        },
      ),
      { numRuns: 800 },
    );
  }, 120_000);

  it('bytes that were never an archive', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (bytes) => expectSafe(Buffer.from(bytes))),
      { numRuns: 500 },
    );
  }, 60_000);
});

describe('archives that are accepted', () => {
  // What we allow beyond this library: bytes before or after the archive, and UTF-8 that does not say so.
  const beyond = new Set([
    'shebang-before-it',
    'zip64-end-after-a-prefix',
    'padded-with-zeros',
    'utf8-without-the-flag',
    'folder-by-mode-only',
    'dot-slash-names',
  ]);
  it.each(good.filter(({ name }) => !beyond.has(name)).map(({ name, bytes }) => [name, bytes] as const))(
    '%s: another reader finds the same files of the same size in it',
    async (_name, bytes) => {
      const verdict = await judge(bufferSource(bytes), CORPUS_LIMITS);
      const ours = verdict.entries
        .filter(({ type }) => type === 'file')
        .map(({ name, bytesRead }) => `${name} ${bytesRead}`);
      const theirs: string[] = [];
      const zip = await fromBufferPromise(bytes, { strictFileNames: true });
      for await (const entry of zip.eachEntry())
        if (!entry.fileName.endsWith('/')) theirs.push(`${entry.fileName} ${entry.uncompressedSize}`);
      expect(ours.sort()).toEqual(theirs.sort());
    },
  );
});

function positions(bytes: Buffer, signature: number): number[] {
  const pattern = Buffer.alloc(4);
  pattern.writeUInt32LE(signature);
  const found: number[] = [];
  for (let at = bytes.indexOf(pattern); at !== -1; at = bytes.indexOf(pattern, at + 1)) found.push(at);
  return found;
}
