import { expect, it } from 'vitest';
import type { ContainerDetail, Engine } from '../infra/engine/port.ts';
import { exitInWords, exitOf, inWords } from './exits.ts';

const exit = {
  at: new Date(0),
  exitCode: 3,
  oomKilled: false,
  upSeconds: 12,
  containerId: 'c',
  lastOutput: [],
  requested: false,
};

it.each([
  [exit, 'It crashed with exit code 3 after 12 s'],
  [{ ...exit, exitCode: 0 }, 'It ended by itself (exit code 0) after 12 s'],
  [{ ...exit, exitCode: 139, signal: 'SIGSEGV' }, 'It was ended by SIGSEGV after 12 s'],
  [
    { ...exit, exitCode: 137, signal: 'SIGKILL', oomKilled: true },
    'It ran out of memory and was killed after 12 s',
  ],
])('says how a bot ended: %j', (how, words) => {
  expect(exitInWords(how)).toBe(words);
});

it.each([
  [0.4, '0 s'],
  [119, '119 s'],
  [300, '5 min'],
  [86_400, '24 h'],
])('%d seconds read as %s', (seconds, words) => {
  expect(inWords(seconds)).toBe(words);
});

it('has the last lines, and in plain words the one that says that the program could not be started', async () => {
  const lines = [
    '{"level":"error","message":"order refused"}',
    'launch.sh: 70: exec: ./bot: not found',
    '{"level":"error","message":"Failed to start process: EXECUTE_ERROR: \\"./bot\\" cannot be executed"}',
  ];
  const engine = {
    async *logs() {
      yield { data: Buffer.from(`${lines.join('\n')}\n`) };
    },
  } as unknown as Engine;
  const container = { id: 'c', exitCode: 127, oomKilled: false } as ContainerDetail;
  const options = { requested: false, lastOutputLines: 10, now: new Date(0) };
  expect((await exitOf(engine, container, options)).lastOutput).toEqual([
    ...lines.slice(0, 2),
    'Failed to start process: EXECUTE_ERROR: "./bot" cannot be executed',
  ]);
});

it('looks once more whether memory ran out where something was killed that nobody asked to stop', async () => {
  const engine = {
    logs: async function* () {},
    inspect: async () => ({ oomKilled: true }),
  } as unknown as Engine;
  const killedOf = async (exitCode: number, requested: boolean) => {
    const container = { id: 'c', exitCode, oomKilled: false } as ContainerDetail;
    return (await exitOf(engine, container, { requested, lastOutputLines: 0, now: new Date(0) })).oomKilled;
  };
  expect(await killedOf(137, false)).toBe(true);
  expect(await killedOf(137, true)).toBe(false);
  expect(await killedOf(1, false)).toBe(false);
  const gone = { ...engine, inspect: () => Promise.reject(new Error('the engine is away')) } as Engine;
  const container = { id: 'c', exitCode: 137, oomKilled: false } as ContainerDetail;
  const options = { requested: false, lastOutputLines: 0, now: new Date(0) };
  expect((await exitOf(gone, container, options)).oomKilled).toBe(false);
});
