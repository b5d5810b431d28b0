import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'minio';
import { filesOf } from '../support/state-archives.ts';

/** Files of a state by path. */
export type StateFiles = Readonly<Record<string, string>>;

/** What is not as the bot wrote it. A file that is not renamed into place yet may be anything. */
export function brokenFiles(files: StateFiles): string[] {
  return Object.entries(files).flatMap(([name, content]) => {
    if (name.endsWith('/') || name.endsWith('.tmp')) return [];
    const at = content.indexOf(' ');
    const digest = createHash('sha256')
      .update(content.slice(at + 1))
      .digest('hex');
    return digest === content.slice(0, Math.max(0, at))
      ? []
      : [`${name} of ${content.length} bytes: ${content.slice(0, 80)}`];
  });
}

/** How far the bot was; 0: it had not written that yet. */
export const roundOf = (files: StateFiles): number => Number(/ (\d+):/.exec(files['round'] ?? '')?.[1] ?? 0);

/** What one bot's archive went through. */
export type ArchiveStory = {
  botId: string;
  /** Archives that were seen, each once. */
  versions: number;
  /** Not an archive at all, or with files that the bot never had. */
  broken: string[];
  /** Archives of an earlier moment than the one before. */
  wentBack: number;
  newest: number;
};

export const newStory = (botId: string): ArchiveStory => ({
  botId,
  versions: 0,
  broken: [],
  wentBack: 0,
  newest: 0,
});

/** Reads the archive of a bot each time it changed, and goes on with its story, until `over`. Looks at S3 itself. */
export async function watchArchive(
  { client, bucket }: { client: Client; bucket: string },
  story: ArchiveStory,
  everyMs: number,
  over: AbortSignal,
): Promise<void> {
  const key = `${story.botId}/state.tar.gz`;
  let last: string | undefined;
  while (!over.aborted) {
    const etag = await etagOf(client, bucket, key);
    if (etag !== undefined && etag !== last) {
      last = etag;
      story.versions += 1;
      const files = await archiveAt(client, bucket, key, story.broken);
      if (files !== undefined) {
        const round = roundOf(files);
        story.broken.push(...brokenFiles(files));
        if (round < story.newest) story.wentBack += 1;
        story.newest = Math.max(story.newest, round);
      }
    }
    await sleep(everyMs);
  }
}

/** The files of an archive; what is none is said among `broken`. */
export async function archiveAt(
  client: Client,
  bucket: string,
  key: string,
  broken: string[],
): Promise<StateFiles | undefined> {
  const content = await buffer(await client.getObject(bucket, key));
  try {
    return await filesOf(content);
  } catch (error) {
    broken.push(`${key} of ${content.length} bytes is no archive: ${String(error)}`);
    return undefined;
  }
}

async function etagOf(client: Client, bucket: string, key: string): Promise<string | undefined> {
  try {
    return (await client.statObject(bucket, key)).etag;
  } catch (error) {
    if (['NotFound', 'NoSuchBucket', 'NoSuchKey'].includes((error as { code?: string }).code ?? ''))
      return undefined;
    throw error;
  }
}
