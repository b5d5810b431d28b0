import { expect, it } from 'vitest';
import { ownContainerId } from './own-container.ts';

const ID = 'ab12'.repeat(16);
const from = (files: Record<string, string>) =>
  ownContainerId((path) => {
    const text = files[path];
    if (text === undefined) throw new Error('ENOENT');
    return text;
  });

it('finds the container in the path of a control group, or in what the engine mounts', () => {
  expect(from({ '/proc/self/cgroup': `12:pids:/docker/${ID}\n0::/\n` })).toBe(ID);
  expect(from({ '/proc/self/cgroup': `0::/system.slice/docker-${ID}.scope\n` })).toBe(ID);
  expect(
    from({
      '/proc/self/cgroup': '0::/\n',
      '/proc/self/mountinfo': `600 580 0:1 /var/lib/docker/containers/${ID}/hostname /etc/hostname rw - ext4 x rw\n`,
    }),
  ).toBe(ID);
});

it('finds none on a host, and none where nothing can be read', () => {
  expect(from({ '/proc/self/cgroup': '0::/user.slice\n', '/proc/self/mountinfo': '1 1 0:1 / / rw\n' })).toBe(
    undefined,
  );
  expect(from({ '/proc/self/cgroup': `1:x:/docker/${ID.slice(1)}\n` })).toBe(undefined);
  expect(from({})).toBe(undefined);
});
