import { readFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { expect, it } from 'vitest';
import type { Runtime } from './types.ts';

const FOLDER = import.meta.dirname;
/** Where a reader would put it; it is never written there. */
const FILE = join(FOLDER, 'ruby.ts');

/** The README's example of a new runtime. */
async function example(): Promise<string> {
  const readme = await readFile(join(FOLDER, 'README.md'), 'utf8');
  const block = /## Adding a runtime[^]*?```ts\n([^]*?)```/.exec(readme)?.[1];
  if (block === undefined) throw new Error('README.md has no example of a new runtime any more');
  return block;
}

/** What the compiler says of the file's text, under the project's own options. */
function problemsOf(text: string): string[] {
  const root = join(FOLDER, '..', '..');
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as {
    config: unknown;
  };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const base = ts.createCompilerHost(options);
  const host: ts.CompilerHost = {
    ...base,
    fileExists: (path) => path === FILE || base.fileExists(path),
    readFile: (path) => (path === FILE ? text : base.readFile(path)),
    getSourceFile: (path, version, ...rest) =>
      path === FILE ? ts.createSourceFile(path, text, version) : base.getSourceFile(path, version, ...rest),
  };
  const program = ts.createProgram([FILE], options, host);
  const file = program.getSourceFile(FILE);
  return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
    ({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'),
  );
}

it('the README’s example of a new runtime compiles as it stands', async () => {
  expect(problemsOf(await example())).toEqual([]);
}, 60_000);

it('the README’s example of a new runtime starts a bot of it with its interpreter', async () => {
  const beside = pathToFileURL(`${FOLDER}/`).href;
  const code = stripTypeScriptTypes(await example()).replaceAll(`'./`, `'${beside}`);
  const { ruby33 } = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as {
    ruby33: Runtime;
  };
  expect(ruby33.entry('src/main.rb', 'custom.config.entrypoints.bot')).toEqual({
    file: 'src/main.rb',
    program: ['ruby', '/bot/src/main.rb'],
    executable: false,
  });
  expect([...ruby33.direct, 'x.rb']).toEqual(['ruby', 'x.rb']);
});
