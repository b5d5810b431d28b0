import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastLines, runCommand } from '../local/command.ts';
import { ensureEngine } from '../local/engine.ts';
import type { Environment, Progress } from '../local/types.ts';
import { ensureImage } from './ensure.ts';
import { BuildImpossible } from './errors.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const BASE_IMAGE = 'node:24-slim';
const BUILD_TIMEOUT_MS = 15 * 60_000;

export type ProductImages = { runtime: string; network: string };

/**
 * Builds the product's own image and that of its `network` role, on a base that is pulled, or made of packages.
 * @throws BuildImpossible with the last lines of the engine's builder
 */
export async function buildProductImages(options: {
  progress: Progress;
  /** Unset: the version of `package.json`. */
  tag?: string;
  environment?: Environment;
}): Promise<ProductImages> {
  const { progress, environment = process.env } = options;
  const { dockerHost } = await ensureEngine({ progress, environment });
  const base = environment['BASE_IMAGE'] || BASE_IMAGE;
  const report = await ensureImage(base, { progress, dockerHost, environment });
  if (report.outcome === 'missing')
    throw new BuildImpossible(`the base ${base} (BASE_IMAGE) is not to be had: ${report.reason ?? ''}`);
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const tag = options.tag ?? version;
  const images: ProductImages = {
    runtime: `the0-runtime:${tag}`,
    network: `the0-runtime-network:${tag}`,
  };
  await build(images.runtime, []);
  await build(images.network, ['--target', 'network']);
  return images;

  async function build(image: string, more: readonly string[]): Promise<void> {
    const begun = Date.now();
    progress({ what: `Image ${image}`, detail: 'building' });
    const { code, output } = await runCommand(
      'docker',
      [
        ...['--host', dockerHost, 'build', '--file', 'infra/Dockerfile', '--tag', image, ...more],
        // npm and apt reach what this host reaches.
        ...[
          '--network',
          'host',
          '--build-arg',
          `BASE_IMAGE=${base}`,
          '--build-arg',
          `VERSION=${version}`,
          '.',
        ],
      ],
      { cwd: ROOT, timeoutMs: BUILD_TIMEOUT_MS },
    );
    if (code !== 0) throw new BuildImpossible(`${image} could not be built: ${lastLines(output, 8)}`);
    progress({ what: `Image ${image}`, detail: 'built', ms: Date.now() - begun });
  }
}
