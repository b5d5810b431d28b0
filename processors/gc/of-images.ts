import { EngineUnavailable } from '../../infra/engine/errors.ts';
import { messageOf } from '../../infra/message-of.ts';
import { durationText } from '../../model/duration.ts';
import type { ImageRecords } from '../image-records.ts';
import type { Step } from './step.ts';

export type ImageSweepOptions = {
  images: ImageRecords;
  /** 0: none ever goes. */
  unusedMs: number;
  dryRun: boolean;
};

/**
 * Removes images that this installation pulled and that nothing has used for long. What was there without it is not its own
 * to remove; what anybody’s container or another name uses stays: the engine says no.
 */
export async function sweepImages(
  { engine, findings, nowMs }: Step,
  { images, unusedMs, dryRun }: ImageSweepOptions,
): Promise<void> {
  if (unusedMs === 0) return;
  const used = new Set((await engine.list()).map(({ image }) => image));
  for await (const record of images.unused(new Date(nowMs - unusedMs))) {
    const { _id: name, imageId, usedAt } = record;
    const why = `this installation pulled it, and nothing used it for ${durationText(nowMs - usedAt.getTime())}`;
    if (used.has(imageId)) {
      if (!dryRun) await images.used(name);
      continue;
    }
    if (dryRun) {
      findings.add({ kind: 'image', name, why });
      continue;
    }
    // The record first: who asks for the image from now on finds that it is gone, and pulls it anew.
    if (!(await images.forget(record))) continue;
    let isGone = false;
    try {
      isGone = await engine.removeImage(imageId);
      if (isGone) findings.add({ kind: 'image', name, why });
    } catch (error) {
      if (error instanceof EngineUnavailable) throw error;
      findings.problem(`The image ${name} could not be removed: ${messageOf(error)}`);
    } finally {
      if (!isGone) await images.remember(record);
    }
  }
}
