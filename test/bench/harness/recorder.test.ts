import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { ContainerSpec, Engine } from '../../../infra/engine/port.ts';
import { LABEL } from '../../../model/labels.ts';
import { recorder, replay } from './recorder.ts';

type Seen = { call: string; args: unknown[]; begun: number; ended: number };

/** Notes in which order calls begin and end; each takes a moment. */
function slowEngine(): { engine: Engine; seen: Seen[] } {
  const seen: Seen[] = [];
  let clock = 0;
  const slow =
    (call: string) =>
    async (...args: unknown[]): Promise<unknown> => {
      const entry: Seen = { call, args, begun: (clock += 1), ended: 0 };
      seen.push(entry);
      await sleep(5);
      entry.ended = clock += 1;
      return call === 'create' ? `id-of-${(args[0] as ContainerSpec).name}` : [];
    };
  const calls = ['create', 'inspectVolume', 'pathMode', 'writeArchive', 'remove', 'start'];
  return { engine: Object.fromEntries(calls.map((call) => [call, slow(call)])) as unknown as Engine, seen };
}

const spec = (name: string, botId: string): ContainerSpec =>
  ({ name, kind: 'bot', labels: { [LABEL.id]: botId } }) as unknown as ContainerSpec;

/** A start as the product makes it: config on one side; volume and its mode, then the state, on the other. */
async function start(engine: Engine, botId: string): Promise<void> {
  const id = await engine.create(spec(`bot-${botId}`, botId));
  await Promise.all([
    engine.writeArchive(id, '/the0/run', Buffer.from('config')),
    (async () => {
      await Promise.all([engine.inspectVolume(`state-${botId}`), engine.pathMode(id, '/state')]);
      await engine.writeArchive(id, '/state', Buffer.from('state'));
    })(),
  ]);
  await engine.start(id);
}

/** For each call, which ones were under way at its beginning. */
const beside = (seen: readonly Seen[]): string[] =>
  seen.map((own) => {
    const others = seen.filter(({ begun, ended }) => begun < own.begun && ended > own.begun);
    return `${own.call} beside ${others.map(({ call }) => call).join(', ') || 'nothing'}`;
  });

it('makes the same calls again, as much side by side as they were', async () => {
  const original = slowEngine();
  const { engine, record } = recorder(original.engine);
  const recording = await record('b1', async () => start(engine, 'b1'));
  const again = slowEngine();
  expect(await replay(again.engine, recording, 'b2')).toBe('id-of-bot-b2');
  expect(again.seen.map(({ call }) => call)).toEqual(original.seen.map(({ call }) => call));
  expect(beside(again.seen)).toEqual(beside(original.seen));
  expect(beside(again.seen)).toContain('pathMode beside writeArchive, inspectVolume');
  expect(beside(again.seen).filter((text) => text.startsWith('start'))).toEqual(['start beside nothing']);
});

it('makes them for the other bot, its volumes among them, and leaves out what is none of the start’s', async () => {
  const { engine, record } = recorder(slowEngine().engine);
  const recording = await record('b1', async () => {
    await Promise.all([start(engine, 'b1'), engine.inspectVolume('state-somebody')]);
  });
  const again = slowEngine();
  await replay(again.engine, recording, 'b2');
  expect(again.seen.filter(({ call }) => call === 'inspectVolume').map(({ args }) => args[0])).toEqual([
    'state-b2',
  ]);
  expect(JSON.stringify(again.seen)).not.toContain('b1');
});

it('gives the container that was started, and without a start the last one made', async () => {
  const { engine, record } = recorder(slowEngine().engine);
  const recording = await record('b1', async () => {
    await engine.create(spec('first-b1', 'b1'));
    await engine.create(spec('second-b1', 'b1'));
  });
  expect(await replay(slowEngine().engine, recording, 'b2')).toBe('id-of-second-b2');
});
