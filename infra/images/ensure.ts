import { SETTINGS } from '../config/settings.ts';
import { cacheDirectory } from '../local/cache.ts';
import { ensureEngine } from '../local/engine.ts';
import type { Environment, Progress } from '../local/types.ts';
import { buildImage } from './build.ts';
import { EngineImages, registryOf } from './engine-images.ts';
import { PullImpossible } from './errors.ts';
import { STAND_INS, type Recipe } from './recipes.ts';
import { messageOf } from '../message-of.ts';

export type ImageOutcome = 'present' | 'pulled' | 'built' | 'missing';

export type ImageReport = {
  reference: string;
  /** Runtimes whose bots run on it. */
  runtimes: readonly string[];
  outcome: ImageOutcome;
  /** Present already, made from packages by an earlier run. */
  builtFromPackages: boolean;
  bytes: number | undefined;
  ms: number;
  /** Why it is missing, and what that means. */
  reason: string | undefined;
};

export type EnsureImagesOptions = {
  progress: Progress;
  /** References or runtimes to look at; unset: all. */
  only?: readonly string[];
  dockerHost?: string;
  environment?: Environment;
};

const RUNTIMES = {
  IMAGE_PYTHON: ['python3.11'],
  IMAGE_NODE: ['nodejs20'],
  IMAGE_RUST: ['rust-stable'],
  IMAGE_CPP: ['gcc13', 'cpp-gcc13'],
  IMAGE_HASKELL: ['ghc96'],
  IMAGE_SCALA: ['scala3'],
  IMAGE_DOTNET: ['dotnet8'],
} as const satisfies Partial<Record<keyof typeof SETTINGS, readonly string[]>>;

/** Each image of the settings once, with the runtimes that use it. */
export function imagesOfSettings(environment: Environment): Map<string, string[]> {
  const images = new Map<string, string[]>();
  for (const [name, runtimes] of Object.entries(RUNTIMES) as [keyof typeof RUNTIMES, readonly string[]][]) {
    const set = environment[name];
    const reference = SETTINGS[name].schema.parse(set === '' ? undefined : set);
    images.set(reference, [...(images.get(reference) ?? []), ...runtimes]);
  }
  return images;
}

/** What the first image of a registry taught us: the others need not wait for the same time-out. */
const registries = new Map<string, Promise<PullImpossible | undefined>>();

/**
 * Sees to it that the engine has every image: present, else pulled, else built from the system's packages.
 * An image that cannot be had is reported, not thrown: bots of other runtimes do not need it.
 */
export async function ensureImages(options: EnsureImagesOptions): Promise<ImageReport[]> {
  const { progress, only, environment = process.env } = options;
  const dockerHost = options.dockerHost ?? (await ensureEngine({ progress, environment })).dockerHost;
  const context = contextOf({ progress, dockerHost, environment });
  const wanted = [...imagesOfSettings(environment)].filter(
    ([reference, runtimes]) =>
      only === undefined || only.some((name) => name === reference || runtimes.includes(name)),
  );
  return Promise.all(wanted.map(([reference, runtimes]) => ensure(reference, runtimes, context)));
}

/** The same of one image, whatever the settings name. */
export function ensureImage(
  reference: string,
  options: { progress: Progress; dockerHost: string; environment: Environment },
): Promise<ImageReport> {
  return ensure(reference, [], contextOf(options));
}

async function ensure(
  reference: string,
  runtimes: readonly string[],
  context: Context,
): Promise<ImageReport> {
  const begun = Date.now();
  const { outcome, reason } = await provide(reference, context);
  const found = outcome === 'missing' ? undefined : await context.images.find(reference);
  const ms = Date.now() - begun;
  const report: ImageReport = {
    reference,
    runtimes,
    outcome,
    builtFromPackages: found?.builtFromPackages ?? false,
    bytes: found?.bytes,
    ms,
    reason,
  };
  context.progress({ what: `Image ${reference}`, detail: describe(report), ms });
  return report;
}

const contextOf = (options: {
  progress: Progress;
  dockerHost: string;
  environment: Environment;
}): Context => ({
  images: new EngineImages(options.dockerHost, options.environment),
  builds: new Map(),
  progress: options.progress,
  cache: cacheDirectory(options.environment),
});

type Context = {
  images: EngineImages;
  builds: Map<Recipe, Promise<string>>;
  progress: Progress;
  cache: string;
};

async function provide(
  reference: string,
  context: Context,
): Promise<{ outcome: ImageOutcome; reason: string | undefined }> {
  const { images, builds, progress, cache } = context;
  if ((await images.find(reference)) !== undefined) return { outcome: 'present', reason: undefined };
  const pullProblem = await pullUnlessHopeless(reference, images, progress);
  if (pullProblem === undefined) return { outcome: 'pulled', reason: undefined };
  const recipe = STAND_INS[reference];
  if (recipe === undefined)
    return {
      outcome: 'missing',
      reason: `it could not be pulled (${pullProblem}), and it cannot be built from packages`,
    };
  try {
    // Two references can stand for the same image: built once, tagged twice.
    const build = builds.get(recipe) ?? buildOnce(recipe);
    builds.set(recipe, build);
    const built = await build;
    if (built !== reference) await images.tag(built, reference);
    return { outcome: 'built', reason: undefined };
  } catch (error) {
    return {
      outcome: 'missing',
      reason: `it could not be pulled (${pullProblem}), nor built (${messageOf(error)})`,
    };
  }

  async function buildOnce(of: Recipe): Promise<string> {
    progress({ what: `Image ${reference}`, detail: 'not to be pulled: building it from packages' });
    await buildImage(of, reference, images, cache);
    return reference;
  }
}

/** Undefined when pulled, else why not. */
async function pullUnlessHopeless(
  reference: string,
  images: EngineImages,
  progress: Progress,
): Promise<string | undefined> {
  const registry = registryOf(reference);
  const first = registries.get(registry);
  if (first === undefined) {
    const attempt = pull(reference, images, progress);
    registries.set(registry, attempt);
    const failure = await attempt;
    // A registry that answered may answer differently for the next image.
    if (failure?.unreachable !== true) registries.delete(registry);
    return failure?.message;
  }
  const failure = await first;
  return failure?.unreachable === true ? failure.message : (await pull(reference, images, progress))?.message;
}

async function pull(
  reference: string,
  images: EngineImages,
  progress: Progress,
): Promise<PullImpossible | undefined> {
  progress({ what: `Image ${reference}`, detail: `pulling from ${registryOf(reference)}` });
  try {
    await images.pull(reference);
    return undefined;
  } catch (error) {
    return error instanceof PullImpossible
      ? error
      : new PullImpossible(messageOf(error), false, { cause: error });
  }
}

function describe({ outcome, reason, runtimes }: ImageReport): string {
  if (outcome !== 'missing') return outcome;
  return runtimes.length === 0
    ? `missing: ${reason ?? ''}`
    : `missing, so bots of ${runtimes.join(', ')} cannot start: ${reason ?? ''}`;
}
