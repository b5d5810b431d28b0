import { expect, it } from 'vitest';
import { createIgnore } from './ignore.ts';

it.each([
  ['main.py', 'file', false],
  ['.env', 'file', true],
  ['.git', 'directory', true],
  ['src/.secret/key', 'file', true],
  ['run.log', 'file', true],
  ['deep/er/run.log', 'file', true],
  ['test', 'directory', true],
  ['src/tests', 'directory', true],
  ['test', 'file', false],
  ['__pycache__', 'directory', true],
  ['a.pyc', 'file', true],
  ['vendor', 'directory', false],
  ['vendor/pkg/test', 'directory', false],
  ['node_modules/x/debug.log', 'file', false],
  ['build', 'directory', false],
  ['dist', 'directory', false],
] as const)('by default: %s (%s) → %s', (path, kind, ignored) => {
  expect(createIgnore('')(path, kind)).toBe(ignored);
});

it.each([
  ['data/', 'data', 'directory', true],
  ['data/', 'src/data', 'directory', true],
  ['/data', 'src/data', 'directory', false],
  ['/data', 'data', 'directory', true],
  ['src/*.tmpl', 'src/a.tmpl', 'file', true],
  ['src/*.tmpl', 'src/deep/a.tmpl', 'file', false],
  ['src/**/*.tmpl', 'src/deep/er/a.tmpl', 'file', true],
  ['?.txt', 'a.txt', 'file', true],
  ['?.txt', 'ab.txt', 'file', false],
  ['# main.py', 'main.py', 'file', false],
  ['*.log\n!keep.log', 'keep.log', 'file', false],
  ['a+b(1).txt', 'a+b(1).txt', 'file', true],
  ['vendor', 'vendor', 'directory', false],
  ['node_modules/', 'node_modules', 'directory', false],
  ['frontend/', 'frontend', 'directory', false],
  ['frontend/*', 'frontend/src', 'directory', true],
  ['frontend/*', 'frontend/dist', 'directory', false],
] as const)('with the rule %j: %s (%s) → %s', (rules, path, kind, ignored) => {
  expect(createIgnore(rules)(path, kind)).toBe(ignored);
});
