import { BSON } from 'mongodb';
import { extract } from 'tar-stream';
import { PathMissing } from '../../infra/engine/errors.ts';
import type { Engine } from '../../infra/engine/port.ts';
import { storageProblem } from '../../infra/mongo/storable.ts';
import { parseWithoutLoss } from '../../model/exact-json.ts';
import { PATHS } from '../entrypoints/paths.ts';

/** What a run left as its result: nothing, a value, or the reason why there is none although something was written. */
export type RunResult = { result?: unknown; resultProblem?: string };

const KB = 1024;
/** As MongoDB stores it a value may be many times larger than its JSON, and a document ends at 16 MB. */
const MAX_STORED_BYTES = 8 * KB * KB;

/** Reads `result.json` of a container that has ended. Throws only where the engine is away. */
export async function readResult(
  engine: Engine,
  containerId: string,
  options: { maxKb: number; signal: AbortSignal },
): Promise<RunResult> {
  const content = await readBounded(engine, containerId, options);
  return typeof content === 'string' ? { resultProblem: content } : parseResult(content);
}

/** The file's bytes, or why they are not had. */
async function readBounded(
  engine: Engine,
  containerId: string,
  { maxKb, signal }: { maxKb: number; signal: AbortSignal },
): Promise<Buffer | string> {
  let archive: NodeJS.ReadableStream;
  try {
    archive = await engine.readArchive(containerId, `${PATHS.run}/result.json`, { signal });
  } catch (error) {
    if (error instanceof PathMissing) return Buffer.alloc(0);
    throw error;
  }
  const unpacked = extract();
  const broken = new Promise<never>((_, reject) => {
    archive.once('error', reject);
  });
  broken.catch(() => undefined);
  archive.pipe(unpacked);
  try {
    return await Promise.race([firstFile(unpacked, maxKb), broken]);
  } finally {
    // What is left of it nobody reads: the connection is let go.
    (archive as NodeJS.ReadableStream & { destroy?: () => void }).destroy?.();
    unpacked.destroy();
  }
}

async function firstFile(unpacked: ReturnType<typeof extract>, maxKb: number): Promise<Buffer | string> {
  for await (const entry of unpacked) {
    if (entry.header.type !== 'file') return 'result.json is no file';
    const bytes = entry.header.size ?? 0;
    if (bytes > maxKb * KB)
      return `result.json has ${Math.ceil(bytes / KB)} KB; at most ${maxKb} KB are kept (RUN_RESULT_KB)`;
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  }
  return Buffer.alloc(0);
}

/** Pure. An empty file is no result. MongoDB and the API hold doubles: an order's id of more digits is kept as text. */
export function parseResult(content: Buffer): RunResult {
  const text = content.toString('utf8').trim();
  if (text === '') return {};
  let result: unknown;
  try {
    result = parseWithoutLoss(text);
  } catch (error) {
    return { resultProblem: `result.json is no JSON: ${(error as Error).message.slice(0, 200)}` };
  }
  const problem = storageProblem(result, 'the result');
  if (problem !== undefined) return { resultProblem: problem };
  if (BSON.calculateObjectSize({ result }) > MAX_STORED_BYTES)
    return { resultProblem: 'the result is too large to be stored with the run’s record' };
  return { result };
}
