import { probeMetadata, type ProbeResult } from '../../infra/engine/egress/index.ts';
import type { Engine } from '../../infra/engine/port.ts';
import { messageOf } from '../../infra/message-of.ts';
import { NotReadyYet } from '../../processors/errors.ts';
import type { Images } from '../../processors/images.ts';

/**
 * Asks a container whether the metadata address can be reached, by whichever image can tell: those that the engine has, and
 * only then those that have to be fetched. So an installation without Python’s image may run what is not Python.
 * @throws NotReadyYet while one is being pulled
 */
export async function probeWithAny(
  { engine, images }: { engine: Engine; images: Pick<Images, 'ensure'> },
  references: readonly string[],
  probe: (engine: Engine, image: string) => Promise<ProbeResult> = probeMetadata,
): Promise<ProbeResult> {
  const problems: string[] = [];
  const absent: string[] = [];
  const asked = async (image: string): Promise<ProbeResult | undefined> => {
    const result = await probe(engine, image);
    if (typeof result !== 'object' || result.toolless !== true) return result;
    problems.push(`${result.unknown} (${image})`);
    return undefined;
  };

  for (const reference of new Set(references)) {
    const image = await engine.resolveImage(reference);
    if (image === undefined) absent.push(reference);
    else {
      const result = await asked(image);
      if (result !== undefined) return result;
    }
  }
  for (const reference of absent) {
    try {
      const result = await asked(await images.ensure(reference));
      if (result !== undefined) return result;
    } catch (error) {
      if (error instanceof NotReadyYet) throw error;
      problems.push(messageOf(error));
    }
  }
  return { unknown: problems.join('; ') };
}
