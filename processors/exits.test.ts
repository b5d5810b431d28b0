import { expect, it } from 'vitest';
import { exitInWords, inWords } from './exits.ts';

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
