import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { StartProblem } from '../../processors/errors.ts';
import { until } from '../support/poll.ts';
import { openHooksWorld, type HooksWorld } from './state-hooks-world.ts';

let world: HooksWorld;
beforeAll(async () => {
  world = await openHooksWorld();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});
beforeEach(() => {
  Object.assign(world.keeping, { isAway: false, verdictNow: { kind: 'fine' }, problem: undefined });
  world.keeping.onCall = async () => undefined;
  world.keeping.calls.length = 0;
});

/** A bot that runs, and the id of its container. */
async function running(): Promise<{ id: string; containerId: string }> {
  const id = await world.bot();
  expect(await world.pass(id)).toMatchObject({ kind: 'settled', phase: 'running' });
  const containerId = (await world.container(id))?.id ?? '';
  world.keeping.calls.length = 0;
  return { id, containerId };
}

async function crash(id: string): Promise<void> {
  const container = await world.container(id);
  await world.engine.control.exit(container?.id ?? '', 3);
}

describe('at an end', () => {
  it('output and state are kept after the container has ended and before it is removed, in this order', async () => {
    const { id, containerId } = await running();
    const states: (string | undefined)[] = [];
    world.keeping.onCall = async () => void states.push((await world.container(id))?.state);
    await world.setConfig(id, { enabled: false });
    expect(await world.pass(id)).toMatchObject({ kind: 'settled', phase: 'stopped' });
    expect(world.keeping.calls).toEqual([`output ${containerId}`, `state ${id}`]);
    expect(states).toEqual(['exited', 'exited']);
    expect(await world.container(id)).toBeUndefined();
  });

  it('a crash is on record before anything is kept', async () => {
    const { id, containerId } = await running();
    const phases: string[] = [];
    world.keeping.onCall = async () => void phases.push((await world.status(id)).phase);
    await crash(id);
    expect(await world.pass(id)).toMatchObject({ kind: 'deferred' });
    expect(world.keeping.calls).toEqual([`output ${containerId}`, `state ${id}`]);
    expect(phases).toEqual(['backing-off', 'backing-off']);
    expect(await world.container(id)).toBeUndefined();
  });

  it('nothing is kept of a container that never started', async () => {
    const { id } = await running();
    await world.setConfig(id, { v: 2 });
    world.keeping.problem = new StartProblem('bad_state', 'Its archive is cut off', { retryable: false });
    expect(await world.pass(id)).toMatchObject({ kind: 'failed', code: 'bad_state' });
    expect(await world.container(id)).toBeUndefined();
    expect(world.keeping.calls.filter((call) => call.startsWith('output'))).toHaveLength(2);
  });
});

describe('output that cannot be saved', () => {
  it('of a bot that crashed: the same container is started again, and each of its ends is an exit', async () => {
    const { id, containerId } = await running();
    world.keeping.isAway = true;
    await crash(id);
    expect(await world.pass(id)).toMatchObject({ kind: 'deferred' });
    expect((await world.container(id))?.state).toBe('exited');
    expect(await world.status(id)).toMatchObject({ phase: 'backing-off', consecutiveFailures: 1 });
    // A job that comes early cuts no back-off short.
    expect(await world.pass(id)).toMatchObject({ kind: 'deferred' });
    expect((await world.container(id))?.state).toBe('exited');

    expect(await world.later(id)).toMatchObject({ kind: 'settled', phase: 'running' });
    expect(await world.container(id)).toMatchObject({ id: containerId, state: 'running' });
    const status = await world.status(id);
    expect(status).toMatchObject({ restarts: 1, containerId });
    expect(status.reason).toBe('It runs, after 1 restart. Its output waits to be saved: S3 is away.');

    await crash(id);
    expect(await world.pass(id)).toMatchObject({ kind: 'deferred' });
    expect(await world.status(id)).toMatchObject({ phase: 'backing-off', consecutiveFailures: 2 });

    world.keeping.isAway = false;
    expect(await world.later(id)).toMatchObject({ kind: 'settled', phase: 'running' });
    expect((await world.container(id))?.id).not.toBe(containerId);
    expect(await world.status(id)).toMatchObject({ restarts: 2 });
    expect(world.keeping.calls.filter((call) => call.startsWith('restore'))).toEqual([`restore ${id}`]);
  });

  it('of a bot that changed: it runs on as it was, until it can be replaced', async () => {
    const { id, containerId } = await running();
    world.keeping.isAway = true;
    await world.setConfig(id, { v: 2 });
    expect(await world.pass(id)).toMatchObject({ kind: 'deferred' });
    expect(await world.container(id)).toMatchObject({ id: containerId, state: 'running' });
    const { phase, reason } = await world.status(id);
    expect(phase).toBe('running');
    expect(reason).toContain(
      '(its configuration or code changed) and runs on as it is until its output can be saved',
    );

    world.keeping.isAway = false;
    expect(await world.later(id)).toMatchObject({ kind: 'settled', phase: 'running' });
    expect((await world.container(id))?.id).not.toBe(containerId);
    expect(await world.status(id)).toMatchObject({ reason: 'It runs.', consecutiveFailures: 0 });
  });

  it('of a bot that ended and changed meanwhile: its container stays, and it is not started', async () => {
    const { id, containerId } = await running();
    world.keeping.isAway = true;
    await crash(id);
    await world.setConfig(id, { v: 2 });
    expect(await world.pass(id)).toMatchObject({ kind: 'deferred' });
    expect(await world.container(id)).toMatchObject({ id: containerId, state: 'exited' });
    expect(await world.status(id)).toMatchObject({
      phase: 'failed',
      permanent: false,
      failureCode: 'output_not_saved',
      lastExit: { containerId, exitCode: 3 },
    });
    world.keeping.isAway = false;
    expect(await world.later(id)).toMatchObject({ kind: 'settled', phase: 'running' });
  });

  it('of a bot that is to rest: it is stopped at once, and its container stays', async () => {
    const { id, containerId } = await running();
    world.keeping.isAway = true;
    await world.setConfig(id, { enabled: false });
    expect(await world.pass(id)).toMatchObject({ kind: 'deferred' });
    expect(await world.container(id)).toMatchObject({ id: containerId, state: 'exited' });
    expect(await world.status(id)).toMatchObject({ phase: 'stopping', lastExit: { requested: true } });

    // Its owner wants it back meanwhile: the same container runs again, at once.
    await world.setConfig(id, { enabled: true });
    expect(await world.pass(id)).toMatchObject({ kind: 'settled', phase: 'running' });
    expect(await world.container(id)).toMatchObject({ id: containerId, state: 'running' });

    await world.setConfig(id, { enabled: false });
    expect(await world.pass(id)).toMatchObject({ kind: 'deferred' });
    world.keeping.isAway = false;
    expect(await world.pass(id)).toMatchObject({ kind: 'settled', phase: 'stopped' });
    expect(await world.container(id)).toBeUndefined();
  });

  it('of a bot that was deleted: its status says so until it could be saved', async () => {
    const { id } = await running();
    world.keeping.isAway = true;
    await world.services.collections.bots.deleteOne({ id });
    expect(await world.pass(id)).toMatchObject({ kind: 'deferred' });
    expect(await world.status(id)).toMatchObject({ phase: 'stopping' });
    world.keeping.isAway = false;
    expect(await world.pass(id)).toMatchObject({ kind: 'settled', phase: 'gone' });
    expect(await world.services.collections.status.findOne({ _id: id })).toBeNull();
  });
});

describe('state', () => {
  it('that cannot be had holds the start back, and leaves no container', async () => {
    const id = await world.bot();
    world.keeping.problem = new StartProblem('state_unavailable', 'S3 is away', { retryable: true });
    expect(await world.pass(id)).toMatchObject({ kind: 'deferred' });
    expect(await world.status(id)).toMatchObject({ phase: 'state-unavailable', permanent: false });
    expect(await world.container(id)).toBeUndefined();
    world.keeping.problem = undefined;
    expect(await world.later(id)).toMatchObject({ kind: 'settled', phase: 'running' });
  });

  it('that takes long to get holds no other start up', async () => {
    // As many as are started at once.
    const slow = await Promise.all(Array.from({ length: 4 }, () => world.bot()));
    const storage = Promise.withResolvers<undefined>();
    world.keeping.onCall = async (call) => {
      if (slow.some((id) => call === `restore ${id}`)) await storage.promise;
    };
    const waiting = slow.map((id) => world.pass(id));
    const other = await world.bot();
    expect(await world.pass(other)).toMatchObject({ kind: 'settled', phase: 'running' });
    expect(world.keeping.calls).toEqual([`restore ${other}`]);
    storage.resolve(undefined);
    for (const outcome of await Promise.all(waiting))
      expect(outcome).toMatchObject({ kind: 'settled', phase: 'running' });
  });

  it('that takes long to get is waited for by a processor that drains: the starts it began are finished', async () => {
    const slow = await Promise.all(Array.from({ length: 4 }, () => world.bot()));
    const storage = Promise.withResolvers<undefined>();
    const asking = new Set<string>();
    world.keeping.onCall = async (call) => {
      if (slow.every((id) => call !== `restore ${id}`)) return;
      asking.add(call);
      await storage.promise;
    };
    const draining = new AbortController();
    const begun = slow.map((id) => world.pass(id, draining.signal));
    // It gets in once a place is lent.
    expect(await world.pass(await world.bot())).toMatchObject({ kind: 'settled', phase: 'running' });
    // It may have overtaken one of them, which would be handed back rather than finished.
    await until(() => asking.size === slow.length);
    draining.abort(new Error('draining'));
    storage.resolve(undefined);
    for (const outcome of await Promise.all(begun))
      expect(outcome).toMatchObject({ kind: 'settled', phase: 'running' });
    for (const id of slow) expect((await world.container(id))?.state).toBe('running');
  });

  it('that the platform changed: the bot is started anew with it, without saving its own first', async () => {
    const { id, containerId } = await running();
    world.keeping.verdictNow = { kind: 'restart', reason: 'The platform changed its state' };
    world.keeping.onCall = async (call) => {
      if (call.startsWith('restore')) world.keeping.verdictNow = { kind: 'fine' };
    };
    expect(await world.pass(id)).toMatchObject({ kind: 'settled', phase: 'running' });
    expect(world.keeping.calls).toEqual([`output ${containerId}`, `restore ${id}`]);
    expect((await world.status(id)).reason).toBe('It runs. The platform changed its state.');
  });

  it('that the platform changed while output cannot be saved: it does not run on with its own', async () => {
    const { id } = await running();
    world.keeping.verdictNow = { kind: 'restart', reason: 'The platform changed its state' };
    world.keeping.isAway = true;
    expect(await world.pass(id)).toMatchObject({ kind: 'deferred' });
    expect(await world.later(id)).toMatchObject({ kind: 'deferred' });
    expect((await world.container(id))?.state).toBe('exited');
    expect(await world.status(id)).toMatchObject({ phase: 'failed', failureCode: 'output_not_saved' });
  });

  it('over its limit: the bot is stopped for good, with the reason', async () => {
    const { id, containerId } = await running();
    world.keeping.verdictNow = { kind: 'stop', reason: 'Its state takes 2Gi, and 1Gi are allowed' };
    expect(await world.pass(id)).toMatchObject({ kind: 'failed', code: 'state_too_large' });
    expect(world.keeping.calls).toEqual([`output ${containerId}`, `state ${id}`]);
    expect(await world.container(id)).toBeUndefined();
    expect(await world.status(id)).toMatchObject({
      phase: 'failed',
      permanent: true,
      failureCode: 'state_too_large',
      reason: 'Its state takes 2Gi, and 1Gi are allowed',
    });
  });

  it('over its limit while output cannot be saved: it is stopped all the same, and not started again', async () => {
    const { id, containerId } = await running();
    world.keeping.verdictNow = { kind: 'stop', reason: 'Its state takes 2Gi' };
    world.keeping.isAway = true;
    for (let tries = 0; tries < 3; tries += 1) {
      expect(await world.later(id)).toMatchObject({ kind: 'deferred' });
      expect(await world.container(id)).toMatchObject({ id: containerId, state: 'exited' });
      expect(await world.status(id)).toMatchObject({ phase: 'failed', failureCode: 'state_too_large' });
    }
    world.keeping.isAway = false;
    world.keeping.problem = new StartProblem('state_too_large', 'Its state takes 2Gi', { retryable: false });
    expect(await world.later(id)).toMatchObject({ kind: 'failed', code: 'state_too_large' });
    expect(await world.container(id)).toBeUndefined();
  });
});
