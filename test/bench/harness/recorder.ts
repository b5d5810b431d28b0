import type { ContainerSpec, Engine } from '../../../infra/engine/port.ts';
import { LABEL } from '../../../model/labels.ts';

type Step =
  | { call: 'create'; spec: ContainerSpec; container: number }
  | { call: 'pathMode'; container: number; path: string }
  | { call: 'writeArchive'; container: number; path: string; tar: Buffer }
  | { call: 'remove'; container: number; force: boolean }
  | { call: 'start'; container: number };

/** The calls that started one bot, to be made again for others. */
export type Recording = { botId: string; steps: readonly Step[] };

export type Recorder = {
  /** Passes every call on. */
  engine: Engine;
  /** Ids of bots whose container was started, each with when (`performance.now()`). */
  started: Map<string, number>;
  /** Records what is called until the container of `botId` has started; nothing else may start meanwhile. */
  readonly record: (botId: string, act: () => Promise<unknown>) => Promise<Recording>;
};

/** An engine that notes which calls a start consists of, so that the anchor makes the very same ones. */
export function recorder(inner: Engine): Recorder {
  const started = new Map<string, number>();
  const botOf = new Map<string, string>();
  let tape: { steps: Step[]; numbers: Map<string, number> } | undefined;
  const note = (id: string, step: (container: number) => Step): void => {
    const container = tape?.numbers.get(id);
    if (container !== undefined) tape?.steps.push(step(container));
  };
  const engine: Engine = {
    ...inner,
    async create(spec, options) {
      const id = await inner.create(spec, options);
      botOf.set(id, spec.labels[LABEL.id] ?? '');
      tape?.numbers.set(id, tape.numbers.size);
      note(id, (container) => ({ call: 'create', spec, container }));
      return id;
    },
    pathMode(id, path, options) {
      note(id, (container) => ({ call: 'pathMode', container, path }));
      return inner.pathMode(id, path, options);
    },
    writeArchive(id, path, tar, options) {
      if (Buffer.isBuffer(tar)) note(id, (container) => ({ call: 'writeArchive', container, path, tar }));
      return inner.writeArchive(id, path, tar, options);
    },
    remove(id, options) {
      note(id, (container) => ({ call: 'remove', container, force: options?.force === true }));
      return inner.remove(id, options);
    },
    async start(id, options) {
      note(id, (container) => ({ call: 'start', container }));
      await inner.start(id, options);
      started.set(botOf.get(id) ?? '', performance.now());
    },
  };
  return {
    engine,
    started,
    async record(botId, act) {
      const mine = { steps: [], numbers: new Map<string, number>() };
      tape = mine;
      try {
        await act();
      } finally {
        tape = undefined;
      }
      return { botId, steps: mine.steps };
    },
  };
}

/** Makes the recorded calls for another bot, and nothing else; returns its container's id. */
export async function replay(engine: Engine, { botId, steps }: Recording, otherId: string): Promise<string> {
  const ids: string[] = [];
  let last = '';
  for (const step of steps) {
    const id = ids[step.container] ?? '';
    switch (step.call) {
      case 'create':
        last = await engine.create(specFor(step.spec, botId, otherId));
        ids[step.container] = last;
        break;
      case 'pathMode':
        await engine.pathMode(id, step.path);
        break;
      case 'writeArchive':
        await engine.writeArchive(id, step.path, step.tar);
        break;
      case 'remove':
        await engine.remove(id, { force: step.force });
        break;
      case 'start':
        await engine.start(id);
        last = id;
        break;
    }
  }
  return last;
}

/** Names of containers and volumes follow from the bot's id; a helper's is random and must only differ. */
function specFor(spec: ContainerSpec, botId: string, otherId: string): ContainerSpec {
  const copy = JSON.parse(JSON.stringify(spec).replaceAll(botId, otherId)) as ContainerSpec;
  return spec.kind === 'bot' ? copy : { ...copy, name: `${spec.name}-${otherId.slice(-8)}` };
}
