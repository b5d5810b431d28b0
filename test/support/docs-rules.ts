import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { commandLineProblem, commandLinesOf } from './command-lines.ts';
import { anchorsOf, fencesOf, linksOf, spansOf } from './markdown.ts';

/** What the documentation is held against. */
export type Known = {
  root: string;
  program: Command;
  settings: ReadonlySet<string>;
  /** Of the code, which are written alike. */
  constants: ReadonlySet<string>;
  scripts: ReadonlySet<string>;
  /** `BotService/GetBot`. */
  methods: ReadonlySet<string>;
};

/** What is wrong in one text, in words; `path` is relative to the root. */
export const problemsOf = (path: string, text: string, known: Known): string[] =>
  RULES.flatMap((rule) => rule(path, text, known)).map((problem) => `${path}: ${problem}`);

type Rule = (path: string, text: string, known: Known) => string[];

const commands: Rule = (_path, text, { program }) =>
  commandLinesOf(text).flatMap((line) => {
    const problem = commandLineProblem(program, line);
    return problem === undefined ? [] : [`"the0-runtime ${line}": ${problem}`];
  });

/** Names that others give meaning: what a bot finds, what our tests take, what stands for something. */
const OTHERS = new Set(
  `BOT_ID BOT_TYPE BOT_CONFIG IS_SCHEDULED CODE_FILE ENTRYPOINT_TYPE SCRIPT_PATH QUERY_ENTRYPOINT CODE_MOUNT_DIR CODE_PATH
  STATE_PATH STATE_DIR LOGS_PATH QUERY_PATH QUERY_PARAMS THE0_QUERY_PORT CRON_TZ NAME_FILE IMAGE_RUBY
  THE0_EVENTS PLATFORM_HOST PUBLISH_HOST DOCKER_GID NODE_EXTRA_CA_CERTS`.split(/\s+/),
);
/** Families of such names: of tests, and OpenTelemetry's own. */
const OTHER_FAMILIES = /^(?:BENCH|TEST|CHAOS|OTEL)_/;

const settings: Rule = (_path, text, known) =>
  spansOf(text).flatMap((span) => {
    const name = /^([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=.*)?$/.exec(span)?.[1];
    if (name === undefined || isKnown(name, known)) return [];
    return [`there is no setting ${name}`];
  });

const isKnown = (name: string, { settings: ours, constants }: Known): boolean =>
  ours.has(name) || constants.has(name) || OTHERS.has(name) || OTHER_FAMILIES.test(name);

const links: Rule = (path, text, { root }) =>
  linksOf(text).flatMap((target) => {
    if (/^[a-z][a-z+.-]*:/i.test(target)) return [];
    const [file = '', anchor] = target.split('#');
    const at = file === '' ? join(root, path) : join(root, dirname(path), decodeURI(file));
    if (file !== '' && !existsSync(at)) return [`${target} leads nowhere`];
    if (anchor === undefined || !at.endsWith('.md')) return [];
    const linked = file === '' ? text : readFileSync(at, 'utf8');
    return anchorsOf(linked).has(anchor) ? [] : [`${target}: there is no such heading`];
  });

const scripts: Rule = (_path, text, known) =>
  [...text.matchAll(/\bnpm run (?:-s |--silent )?([a-z][\w:-]*)/g)].flatMap(([, name = '']) =>
    known.scripts.has(name) ? [] : [`there is no script ${name}`],
  );

const methods: Rule = (_path, text, known) => {
  const services = new Set([...known.methods].map((method) => method.split('/')[0]));
  return [...text.matchAll(/\b([A-Z][A-Za-z]+Service)\/([A-Z]\w+)/g)].flatMap(
    ([, service = '', name = '']) => {
      if (!services.has(service)) return [`there is no service ${service}`];
      const isThere = name === 'METHOD' || known.methods.has(`${service}/${name}`);
      return isThere ? [] : [`there is no method ${service}/${name}`];
    },
  );
};

const json: Rule = (_path, text) =>
  fencesOf(text)
    .filter(({ language }) => language === 'json')
    .flatMap((fence) => {
      try {
        JSON.parse(fence.text);
        return [];
      } catch (error) {
        return [`${(error as Error).message} in ${fence.text.slice(0, 60)}`];
      }
    });

const RULES: readonly Rule[] = [commands, settings, links, scripts, methods, json];
