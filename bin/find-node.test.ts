import { expect, it } from 'vitest';
import { findNode } from './find-node.mjs';

const old = { version: '20.20.2', self: '/usr/bin/node' };

it('prefers the Node that the project brings, wherever its package put it', () => {
  expect(findNode('/clone', { ...old, exists: (path) => path.endsWith('node_modules/node/bin/node') })).toBe(
    '/clone/node_modules/node/bin/node',
  );
  const moved = findNode('/clone', {
    ...old,
    exists: (path) => !path.endsWith('node_modules/node/bin/node'),
  });
  expect(moved).toBe(`/clone/node_modules/node-${process.platform}-${process.arch}/bin/node`);
});

it('takes the one it runs on when that is new enough', () => {
  expect(findNode('/clone', { version: '25.0.1', self: '/usr/bin/node', exists: () => false })).toBe(
    '/usr/bin/node',
  );
});

it('says what to do when there is none that serves', () => {
  expect(() => findNode('/clone', { ...old, exists: () => false })).toThrow(
    /this is Node 20\.20\.2[\s\S]*npm rebuild node/,
  );
});
