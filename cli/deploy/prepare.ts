import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { CliError, EXIT } from '../errors.ts';
import { parseJsonObject, readJsonObject } from '../json-file.ts';
import { measureArchive, readArchive, writeArchive, type Archive } from './archive.ts';
import { BotConfigInvalid, parseBotConfig, type BotConfigFile } from './bot-config.ts';
import type { Definition } from './event.ts';
import { collectFiles, kindOf, readInside } from './source.ts';

const CONFIG_FILE = 'bot-config.yaml';
const INSTANCE_FILE = 'config.json';
/** The flat instance file (contract §8.1). */
const INSTANCE_MUST = 'must hold a JSON object with the bot’s parameters';

/** First hit wins (contract §4.1). */
const FRONTENDS = [
  'frontend/dist/bundle.js',
  'frontend/dist/index.js',
  'frontend/bundle.js',
  'frontend.js',
  'dist/frontend.js',
];

export type Prepared = {
  definition: Definition;
  archive: Archive;
  files: number;
  instance: Record<string, unknown>;
};

export type PrepareOptions = {
  /** Folder or ZIP. */
  path: string;
  /** Instance configuration; unset: `config.json` of the bot, else a minimal one. */
  configPath?: string;
  /** A directory that the caller removes afterwards. */
  workDir: string;
  say: (line: string) => void;
  /** Where a build's output goes. */
  buildOutput: 'inherit' | 'stderr';
};

/** Reads, checks and packs a bot, without touching any server. @throws CliError saying precisely what is wrong */
export async function prepare(options: PrepareOptions): Promise<Prepared> {
  const kind = await kindOf(options.path);
  return kind === 'folder' ? prepareFolder(options) : prepareZip(options);
}

async function prepareFolder(options: PrepareOptions): Promise<Prepared> {
  const folder = resolve(options.path);
  const text = await readInside(folder, CONFIG_FILE);
  if (text === undefined) throw new CliError(`There is no ${CONFIG_FILE} in ${options.path}`, EXIT.notFound);
  const file = parseBotConfig(text);
  await buildIfNeeded(folder, file, options);
  // An instance's configuration may hold exchange keys: it is sent as this bot's config and never shared as code.
  const instancePath =
    options.configPath ?? (existsSync(join(folder, INSTANCE_FILE)) ? join(folder, INSTANCE_FILE) : undefined);
  const own = instancePath === undefined ? '' : relative(folder, resolve(instancePath));
  const files = await collectFiles(folder, new Set([INSTANCE_FILE, own]));
  const paths = new Set(files.map((entry) => entry.path));
  checkEntries(file, paths, 'is not among the files that are packed (see .the0ignore)');
  const read = (path: string) => readInside(folder, path);
  const definition = await define(file, paths, read);
  const instance = instancePath === undefined ? {} : await readJsonObject(instancePath, INSTANCE_MUST);
  const archive = await writeArchive(files, join(options.workDir, `${file.name}.zip`));
  return { definition, archive, files: files.length, instance };
}

async function prepareZip(options: PrepareOptions): Promise<Prepared> {
  const { paths, texts } = await readArchive(
    options.path,
    (name) => name === CONFIG_FILE || name === INSTANCE_FILE,
  );
  const text = texts.get(CONFIG_FILE);
  if (text === undefined)
    throw new CliError(`There is no ${CONFIG_FILE} at the top of ${basename(options.path)}`, EXIT.notFound);
  const file = parseBotConfig(text);
  const named = new Set([file.readme, file.schema?.bot].filter((path) => path !== undefined));
  const more = await readArchive(options.path, (name) => named.has(name));
  const all = new Set(paths);
  checkEntries(file, all, 'is not in the ZIP');
  const definition = await define(file, all, async (path) => more.texts.get(path));
  const inside = texts.get(INSTANCE_FILE);
  const instance =
    options.configPath !== undefined
      ? await readJsonObject(options.configPath, INSTANCE_MUST)
      : inside === undefined
        ? {}
        : parseJsonObject(inside, `${INSTANCE_FILE} in the ZIP`, INSTANCE_MUST);
  return { definition, archive: await measureArchive(options.path), files: paths.length, instance };
}

/** Compiled bots are often deployed from sources: the folder's own build script makes what is missing. */
async function buildIfNeeded(folder: string, file: BotConfigFile, options: PrepareOptions): Promise<void> {
  if (existsSync(join(folder, entryFile(file.entrypoints.bot))) || !existsSync(join(folder, 'build.sh')))
    return;
  options.say(`${file.entrypoints.bot} is not there yet: running build.sh`);
  const child = spawn('bash', ['build.sh'], {
    cwd: folder,
    stdio: ['ignore', options.buildOutput === 'stderr' ? 2 : 'inherit', 'inherit'],
  });
  const ended = Promise.withResolvers<string>();
  child.on('error', (error) => ended.resolve(`could not be started: ${error.message}`));
  child.on('exit', (code, signal) =>
    ended.resolve(
      code === 0 ? '' : signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`,
    ),
  );
  const problem = await ended.promise;
  if (problem !== '') throw new CliError(`build.sh in ${options.path} ${problem}; its output is above`);
  if (!existsSync(join(folder, entryFile(file.entrypoints.bot))))
    throw new CliError(`build.sh in ${options.path} ended well, and yet there is no ${file.entrypoints.bot}`);
}

/** `app.jar:Main` names a class inside the file. */
const entryFile = (entry: string): string => entry.replace(/(\.jar):[^/:]+$/, '$1').replace(/^\.\//, '');

function checkEntries(file: BotConfigFile, paths: ReadonlySet<string>, problem: string): void {
  for (const [name, entry] of Object.entries(file.entrypoints)) {
    if (entry === undefined || paths.has(entryFile(entry))) continue;
    const isFolder = [...paths].some((path) => path.startsWith(`${entryFile(entry)}/`));
    throw new BotConfigInvalid([
      `entrypoints.${name}: "${entry}" ${isFolder ? 'is a folder; it must name a file' : problem}`,
    ]);
  }
}

async function define(
  file: BotConfigFile,
  paths: ReadonlySet<string>,
  read: (path: string) => Promise<string | undefined>,
): Promise<Definition> {
  const problems: string[] = [];
  let readme: string | undefined;
  if (file.readme !== undefined) {
    readme = await read(file.readme);
    if (readme === undefined) problems.push(`readme: there is no file "${file.readme}"`);
    else if (readme.length < 50 || readme.length > 10_000)
      problems.push(`readme: "${file.readme}" has ${readme.length} characters; 50 to 10000 are allowed`);
  }
  let schema: unknown;
  if (file.schema !== undefined) {
    const text = await read(file.schema.bot);
    if (text === undefined) problems.push(`schema.bot: there is no file "${file.schema.bot}"`);
    else
      try {
        schema = JSON.parse(text);
      } catch (error) {
        problems.push(`schema.bot: "${file.schema.bot}" is not JSON: ${(error as Error).message}`);
      }
  }
  if (problems.length > 0) throw new BotConfigInvalid(problems);
  return {
    file,
    ...(readme === undefined ? {} : { readme }),
    ...(schema === undefined ? {} : { schema }),
    hasFrontend: FRONTENDS.some((path) => paths.has(path)),
  };
}
