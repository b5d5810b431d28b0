import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buf, PROTO } from './buf.ts';
import { generate } from './generate.ts';

/** Part of `npm run check`: style, nothing that breaks a released client, and generated files that are of these protos. */
const problems: string[] = [];

const tried = (cure: string, check: () => void): void => {
  try {
    check();
  } catch (error) {
    problems.push(`${(error as Error).message}\n→ ${cure}`);
  }
};

tried('correct the .proto', () => buf('lint'));
tried('cd proto && npx buf format --write', () =>
  buf('format', '--diff', '--exit-code', '--path', 'the0', '--path', 'grpc'),
);
tried('add, and never change or take away; a new version is a new package', checkBreaking);
tried('npm run proto', checkGenerated);

if (problems.length > 0) process.stderr.write(`${problems.join('\n\n')}\n`);
process.exitCode = problems.length === 0 ? 0 : 1;

/** As an image, since a workspace of several modules is not compared with one. */
function checkBreaking(): void {
  inFreshFolder((fresh) => {
    const image = join(fresh, 'image.binpb');
    buf('build', '--exclude-source-info', '--output', image);
    buf(
      'breaking',
      image,
      '--against',
      'baseline.binpb',
      '--exclude-imports',
      '--config',
      'buf.breaking.yaml',
    );
  });
}

function checkGenerated(): void {
  inFreshFolder((fresh) => {
    generate(fresh);
    const files = new Set([...filesOf(join(fresh, 'gen')), ...filesOf(join(PROTO, 'gen'))]);
    const others = ['openapi.json', ...[...files].map((file) => join('gen', file))].filter(
      (file) => contentOf(join(fresh, file)) !== contentOf(join(PROTO, file)),
    );
    if (others.length > 0) throw new Error(`Not of these protos, or of none: ${others.sort().join(', ')}`);
  });
}

function inFreshFolder(work: (fresh: string) => void): void {
  const fresh = mkdtempSync(join(tmpdir(), 'the0-proto-check-'));
  try {
    work(fresh);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

/** Undefined: there is none. */
function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
