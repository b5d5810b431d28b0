import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MongoClient } from 'mongodb';
import { describe, expect, it } from 'vitest';
import { parseBotConfig } from '../cli/deploy/bot-config.ts';
import { buildProgram } from '../cli/program.ts';
import { settingRows } from '../infra/config/describe.ts';
import { IGNORED, RETIRED } from '../infra/config/settings.ts';
import { collections } from '../infra/mongo/collections.ts';
import { METHOD_ROLES } from '../producers/control/api/method-roles.ts';
import { API_SERVICES } from '../producers/control/api/services.ts';
import { QUEUES } from '../queues/names.ts';
import { commandLineProblem } from './support/command-lines.ts';
import { problemsOf, type Known } from './support/docs-rules.ts';
import { fencesOf, firstColumnOf, sectionOf } from './support/markdown.ts';

const root = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const program = await buildProgram();
const rows = settingRows();

const LEFT_OUT = ['node_modules', '.data', '.git', 'third_party', 'gen'];
const filesOf = (kind: string): string[] =>
  globSync(`**/*.${kind}`, { cwd: root, exclude: (name) => LEFT_OUT.includes(name) });
const sources = filesOf('ts').filter((path) => !path.endsWith('.test.ts'));

const known: Known = {
  root,
  program,
  settings: new Set([
    ...rows.flatMap(({ name, aliases, secret }) => [name, ...aliases, ...(secret ? [`${name}_FILE`] : [])]),
    ...Object.keys(RETIRED),
    ...IGNORED,
  ]),
  constants: new Set(
    sources.flatMap((path) =>
      [...read(path).matchAll(/^export const ([A-Z][A-Z0-9_]+)\b/gm)].map(([, name = '']) => name),
    ),
  ),
  scripts: new Set(Object.keys((JSON.parse(read('package.json')) as { scripts: object }).scripts)),
  methods: new Set(Object.keys(METHOD_ROLES)),
};

describe('what is written', () => {
  it.each(filesOf('md'))('in %s is so', (path) => {
    expect(problemsOf(path, read(path), known)).toEqual([]);
  });
});

describe('what there is is written', () => {
  it('each setting, in docs/settings.md', () => {
    expect(firstColumnOf(read('docs/settings.md')).sort()).toEqual(
      [...rows.map(({ name }) => name), ...Object.keys(RETIRED)].sort(),
    );
  });

  it('each queue and each collection, and no other, in docs/architecture.md', () => {
    const page = read('docs/architecture.md');
    expect(firstColumnOf(sectionOf(page, 'Queues')).sort()).toEqual([...QUEUES].sort());
    expect(firstColumnOf(sectionOf(page, 'Collections')).sort()).toEqual(collectionNames().sort());
  });

  it('each service of the API, in docs/api.md', () => {
    expect(firstColumnOf(sectionOf(read('docs/api.md'), 'Services')).sort()).toEqual(
      API_SERVICES.map(({ name }) => name).sort(),
    );
  });

  it('each command, in the README, as it can be typed', () => {
    const lines = firstColumnOf(sectionOf(read('README.md'), 'Commands')).filter(
      (line) => !line.startsWith('…'),
    );
    expect(lines.map((line) => [line, commandLineProblem(program, line)])).toEqual(
      lines.map((line) => [line, undefined]),
    );
    const told = new Set(lines.map((line) => line.split(' ')[0]));
    const visible = program.createHelp().visibleCommands(program);
    expect(
      visible.map((command) => command.name()).filter((name) => name !== 'help' && !told.has(name)),
    ).toEqual([]);
  });
});

it('the bot of the guide can be deployed', () => {
  const [definition = ''] = fencesOf(read('docs/bot-author-guide.md'))
    .filter(({ language }) => language === 'yaml')
    .map(({ text }) => text);
  expect(parseBotConfig(definition)).toMatchObject({
    runtime: 'python3.11',
    entrypoints: { bot: 'main.py' },
  });
});

describe('what is not so is found:', () => {
  it.each([
    ['a command', '`npx the0-runtime botz`', 'takes no "botz"'],
    ['a command below another', '```\nnpx the0-runtime installation make DIR\n```', 'takes no "make"'],
    ['a flag', '```sh\nthe0-runtime logs ID --tail 5 | less\n```', 'there is no flag --tail of logs'],
    ['one of two commands', '`the0-runtime bots stop|halt ID --why x`', 'there is no command halt of bots'],
    ['an argument too many', '`the0-runtime undeploy A B`', 'undeploy takes no "B"'],
    ['a setting', 'Set `QUEUE_CONCURENCY` first.', 'there is no setting QUEUE_CONCURENCY'],
    ['a setting of a bot', '`BOT_MEMORY_LIMIT=5`', 'there is no setting BOT_MEMORY_LIMIT'],
    ['a link', '[here](docs/nowhere.md)', 'docs/nowhere.md leads nowhere'],
    ['an anchor', '[here](README.md#no-such-heading)', 'there is no such heading'],
    ['an anchor of its own', '# One\n[there](#two)', 'there is no such heading'],
    ['a script', 'Type `npm run upp`.', 'there is no script upp'],
    ['a method', 'Ask `BotService/GetBots`.', 'there is no method BotService/GetBots'],
    ['a service', 'Ask `BotsService/GetBot`.', 'there is no service BotsService'],
    ['JSON that is none', '```json\n{"a": 1,}\n```', 'JSON'],
  ])('%s', (_what, text, problem) => {
    expect(problemsOf('x.md', text, known).join('\n')).toContain(problem);
  });

  it('and what is so is not', () => {
    const text = [
      '# A heading, `with code`',
      '[itself](#a-heading-with-code) and [another](README.md#commands), `BotService/GetBot`, `npm run up`,',
      '`QUEUE_CONCURRENCY=4`, `npx the0-runtime bots --phase failed --json`, `npx the0-runtime COMMAND`',
      '```',
      'npx the0-runtime bots hold ID --why "two words" && echo done   # not ours',
      '```',
    ].join('\n');
    expect(problemsOf('x.md', text, known)).toEqual([]);
  });
});

/** Of a client that only tells what it is asked for. */
function collectionNames(): string[] {
  const client = { db: () => ({ collection: (name: string) => name }) } as unknown as MongoClient;
  const names = { bots: 'b', schedules: 's', runtime: 'r' };
  return Object.values(collections(client, names)).map(String);
}
