import { expect, it, vi } from 'vitest';
import { loadSettings } from '../../infra/config/load.ts';
import { createFakeEngine } from '../../infra/engine/fake/index.ts';
import type { ContainerState, Engine } from '../../infra/engine/port.ts';
import { clearEgress } from './clear-egress.ts';

const settings = loadSettings({ INSTALLATION: 'the0' });

function setUp(states: readonly ContainerState[]) {
  const engine = createFakeEngine({ installation: 'the0' });
  const open = (): Engine => ({
    ...engine,
    list: () =>
      Promise.resolve(
        states.map((state, index) => ({ id: `c${index}`, name: 'c', state, labels: {}, image: 'i' })),
      ),
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  });
  const remove = vi.fn(() => Promise.resolve());
  return { open, remove, isRoot: () => true };
}

it('removes the rules where nothing of the installation runs any more', async () => {
  const options = setUp(['exited', 'created']);
  expect(await clearEgress(settings, options)).toBeUndefined();
  expect(options.remove).toHaveBeenCalledOnce();
});

it.each(['running', 'paused', 'restarting'] as const)(
  'leaves a container that is %s its filter',
  async (state) => {
    const options = setUp(['exited', state]);
    expect(await clearEgress(settings, options)).toBeUndefined();
    expect(options.remove).not.toHaveBeenCalled();
  },
);

it('says in one line what went wrong, and how to make up for it', async () => {
  const options = setUp([]);
  options.remove.mockRejectedValue(new Error('Permission denied'));
  expect(await clearEgress(settings, options)).toBe(
    'The egress rules could not be removed (later: INSTALLATION=the0 npx the0-runtime network remove): Permission denied',
  );
});

it('touches nothing where the rules are not ours to install', async () => {
  const options = setUp([]);
  await clearEgress(settings, { ...options, isRoot: () => false });
  await clearEgress(loadSettings({ EGRESS_FILTER: 'off' }), options);
  expect(options.remove).not.toHaveBeenCalled();
});
