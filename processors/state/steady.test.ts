import type { FileHandle } from 'node:fs/promises';
import { beforeEach, expect, it, vi } from 'vitest';
import { Spool } from './spool.ts';
import { readSteadily } from './steady.ts';

const failing = vi.hoisted(() => ({ code: '' }));
vi.mock('node:fs/promises', () => ({
  open: () => Promise.reject(Object.assign(new Error(failing.code), { code: failing.code })),
}));

const read = () => readSteadily('/x', new Spool({} as FileHandle, 10), { maxBytes: 10, last: true });

beforeEach(() => {
  failing.code = '';
});

it.each(['EMFILE', 'ENFILE', 'ENOMEM', 'EIO'])(
  'never takes a file for unreadable because of %s',
  async (code) => {
    failing.code = code;
    await expect(read()).rejects.toMatchObject({ code });
  },
);

it.each([
  ['ENOENT', 'gone'],
  ['ELOOP', 'gone'],
  ['EAGAIN', 'unsteady'],
  ['EACCES', 'refused'],
])('takes %s for %s', async (code, kind) => {
  failing.code = code;
  expect(await read()).toMatchObject({ kind });
});
