import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants } from 'node:zlib';
import type { OutputFile } from 'esbuild';
import { PAGE_HEAD } from './head.ts';

/** One file of the browser app. `type`: its Content-Type. `brotli`: the same, compressed. */
export type AppFile = { type: string; body: Uint8Array; brotli: Uint8Array };

/** What the browser app is made of. The policy of its pages allows neither inline scripts nor inline styles. */
export type AppAssets = {
  /** The page in which it starts, whatever its path. */
  html: string;
  /** Its files by their names under `/assets/`. A name changes with its content: browsers keep them for ever. */
  files: ReadonlyMap<string, AppFile>;
};

const SOURCE = join(import.meta.dirname, 'app');
const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};
const compress = promisify(brotliCompress);
/** The best quality would take a second for a few kilobytes. */
const QUALITY = 6;

/**
 * Its sources as files for a browser, in memory: there is no build step that somebody could forget. Asked for once, when
 * the first browser comes.
 * @throws what esbuild finds wrong with them
 */
export async function appAssets(): Promise<AppAssets> {
  const files = new Map<string, AppFile>();
  for (const { path, contents } of await bundle()) {
    const name = path.slice(path.lastIndexOf('/') + 1);
    const type = TYPES[name.slice(name.lastIndexOf('.'))] ?? 'application/octet-stream';
    const brotli = await compress(contents, { params: { [constants.BROTLI_PARAM_QUALITY]: QUALITY } });
    files.set(name, { type, body: contents, brotli });
  }
  const nameOf = (pattern: RegExp): string => [...files.keys()].find((name) => pattern.test(name)) ?? '';
  const html = page({
    style: nameOf(/^app-.*\.css$/),
    early: nameOf(/^early-.*\.js$/),
    script: nameOf(/^app-.*\.js$/),
  });
  return { html, files };
}

let building: Promise<OutputFile[]> | undefined;

/** One build for all who ask while it goes on: esbuild's process serves this whole process, and ends with it. */
function bundle(): Promise<OutputFile[]> {
  building ??= buildOnce().finally(() => {
    building = undefined;
  });
  return building;
}

/** Loaded here, so that whoever serves no browser neither reads esbuild nor keeps its process. */
async function buildOnce(): Promise<OutputFile[]> {
  const { build, stop } = await import('esbuild');
  try {
    const { outputFiles } = await build({
      entryPoints: { app: join(SOURCE, 'main.tsx'), early: join(SOURCE, 'shell/early.ts') },
      outdir: '/',
      entryNames: '[name]-[hash]',
      bundle: true,
      minify: true,
      write: false,
      format: 'esm',
      target: 'es2022',
      jsx: 'automatic',
      jsxImportSource: 'preact',
      // What is installed has no tsconfig.json, and must come out the same.
      tsconfigRaw: {},
      legalComments: 'none',
      logLevel: 'silent',
    });
    return outputFiles;
  } finally {
    await stop();
  }
}

const page = ({ style, early, script }: { style: string; early: string; script: string }): string =>
  `${PAGE_HEAD}
<title>the0-runtime</title>
<link rel="stylesheet" href="/assets/${style}">
<script src="/assets/${early}"></script>
<script type="module" src="/assets/${script}"></script>
</head>
<body>
<div id="app"><p class="boot">Loading …</p></div>
<noscript><p class="boot">The dashboard is a program that runs in the browser, and needs JavaScript.</p></noscript>
</body>
</html>
`;
