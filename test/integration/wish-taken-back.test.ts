import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { openHooksWorld, type HooksWorld } from './state-hooks-world.ts';

/** An owner who changes their mind and changes it back, while a handler is busy between its reading and its stop. */
let world: HooksWorld;
let id: string;
let containerId: string | undefined;

beforeAll(async () => {
  world = await openHooksWorld();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});
beforeEach(async () => {
  world.keeping.onCall = async () => undefined;
  id = await world.bot();
  await world.setConfig(id, { symbol: 'BTC' });
  expect(await world.pass(id)).toMatchObject({ kind: 'settled', phase: 'running' });
  containerId = (await world.container(id))?.id;
  expect(containerId).toBeDefined();
});

const startedAtMs = async (): Promise<number | undefined> => (await world.container(id))?.startedAtMs;

/** Object storage takes its time with the output: long enough for `then`. */
function slowStorage(then: () => Promise<void>): void {
  world.keeping.onCall = async (call) => {
    if (!call.startsWith('output')) return;
    world.keeping.onCall = async () => undefined;
    await then();
  };
}

describe('a bot whose output is being saved so that it can be replaced', () => {
  it('runs on, untouched, when the change is taken back meanwhile', async () => {
    const before = await startedAtMs();
    await world.setConfig(id, { symbol: 'ETH' });
    slowStorage(() => world.setConfig(id, { symbol: 'BTC' }));
    expect(await world.pass(id)).toMatchObject({ kind: 'settled', phase: 'running' });
    expect(await world.container(id)).toMatchObject({ id: containerId, state: 'running' });
    expect(await startedAtMs()).toBe(before);
    const status = await world.status(id);
    expect(status).toMatchObject({ containerId, reason: 'It runs.', lock: null });
    expect(status.lastExit).toBeUndefined();
  });

  it('becomes what its owner wants last when it is changed once more', async () => {
    await world.setConfig(id, { symbol: 'ETH' });
    slowStorage(() => world.setConfig(id, { enabled: false }));
    expect(await world.pass(id)).toMatchObject({ kind: 'settled', phase: 'stopped' });
    expect(await world.container(id)).toBeUndefined();
  });
});

it('a bot that is disabled and enabled while the engine answers slowly is not stopped', async () => {
  const before = await startedAtMs();
  await world.setConfig(id, { enabled: false });
  const inspect = world.engine.inspect.bind(world.engine);
  const slow = vi.spyOn(world.engine, 'inspect').mockImplementationOnce(async (...args) => {
    const found = await inspect(...args);
    await world.setConfig(id, { enabled: true });
    return found;
  });
  expect(await world.pass(id)).toMatchObject({ kind: 'settled', phase: 'running' });
  slow.mockRestore();
  expect(await world.container(id)).toMatchObject({ id: containerId, state: 'running' });
  expect(await startedAtMs()).toBe(before);
});
