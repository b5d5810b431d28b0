import { expect, it } from 'vitest';
import { BotConfigInvalid, parseBotConfig } from './bot-config.ts';

const GOOD = `
name: my-bot
version: 1.0.0
type: realtime
runtime: nodejs20
author: someone
description: what it does
entrypoints: {bot: main.js, query: query.js}
schema: {bot: bot-schema.json}
readme: README.md
metadata: {categories: [alerts], tags: [demo], more: 1}
hasFrontend: true
`;

const problems = (text: string): readonly string[] => {
  try {
    parseBotConfig(text);
    return [];
  } catch (error) {
    if (error instanceof BotConfigInvalid) return error.problems;
    throw error;
  }
};
const without = (field: string) => GOOD.replace(new RegExp(`^${field}:.*\n`, 'm'), '');
const withLine = (field: string, line: string) => without(field) + line;

it('accepts what the platform accepts', () => {
  expect(parseBotConfig(GOOD)).toMatchObject({
    name: 'my-bot',
    version: '1.0.0',
    entrypoints: { bot: 'main.js', query: 'query.js' },
  });
});

it.each([
  [without('name'), 'name: is missing'],
  [without('entrypoints'), 'entrypoints: is missing'],
  [withLine('name', 'name: My_Bot'), 'name: "My_Bot" may hold only lower-case letters'],
  [withLine('name', 'name: ab'), 'name: "ab" needs 3 characters or more'],
  [withLine('version', 'version: 1.0'), 'version: 1 must be text: write it in quotes'],
  [withLine('version', 'version: "1.0"'), 'version: "1.0" must be three numbers'],
  [withLine('runtime', 'runtime: cobol85'), 'runtime: "cobol85" is none of python3.11, nodejs20'],
  [withLine('runtime', 'runtime: cpp-gcc13'), 'runtime: "cpp-gcc13" is none of'],
  [withLine('type', 'type: daily'), 'type: "daily" is none of scheduled, realtime, event'],
  [
    withLine('entrypoints', 'entrypoints: {bot: ../../etc/passwd}'),
    'entrypoints.bot: "../../etc/passwd" must be a path inside',
  ],
  [
    withLine('entrypoints', 'entrypoints: {bot: main.js, backtest: b.js}'),
    'entrypoints: backtest: no such field',
  ],
  [withLine('metadata', 'metadata: null'), 'metadata: null'],
  [`${GOOD}colour: red`, 'colour: no such field'],
])('says precisely what is wrong (%#)', (text, expected) => {
  const [problem, ...others] = problems(text);
  expect(others).toEqual([]);
  expect(problem).toContain(expected);
});

it('lists all problems at once', () => {
  expect(problems('name: x\ntype: y')).toHaveLength(5);
});

it.each([['- a\n- b'], [''], ['just words']])('refuses what is no mapping: %j', (text) => {
  expect(problems(text)).toEqual(['it must be a mapping with name, version, type, runtime and entrypoints']);
});

it('names the line of a mistake in the YAML', () => {
  expect(problems('name: my-bot\n  version: [1')[0]).toMatch(/^line \d+: /);
});
