import type { ContainerSpec, Engine } from '../../../infra/engine/port.ts';
import { LABEL } from '../../../model/labels.ts';

type Call =
  | { call: 'create'; spec: ContainerSpec; container: number }
  | { call: 'inspectVolume'; name: string }
  | { call: 'pathMode'; container: number; path: string }
  | { call: 'writeArchive'; container: number; path: string; tar: Buffer }
  | { call: 'remove'; container: number; force: boolean }
  | { call: 'start'; container: number };

/** `after`: the calls that had ended when this one began. What is not among them went on beside it. */
type Step = Call & { after: readonly number[] };

/** The calls that started one bot, to be made again for others. */
export type Recording = { botId: string; steps: readonly Step[] };

type Tape = { botId: string; steps: Step[]; ended: number[]; numbers: Map<string, number>; created: number };

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
  let tape: Tape | undefined;
  /** Notes a call from its beginning to its end; `undefined`: none of the start's. */
  const noted = async <T>(
    call: (tape: Tape) => Call | undefined,
    act: (tape: Tape | undefined) => Promise<T>,
  ): Promise<T> => {
    const mine = tape;
    const made = mine === undefined ? undefined : call(mine);
    if (mine === undefined || made === undefined) return act(undefined);
    const index = mine.steps.push({ ...made, after: [...mine.ended] }) - 1;
    try {
      return await act(mine);
    } finally {
      mine.ended.push(index);
    }
  };
  const notedOf = <T>(id: string, call: (container: number) => Call, act: () => Promise<T>): Promise<T> =>
    noted(({ numbers }) => {
      const container = numbers.get(id);
      return container === undefined ? undefined : call(container);
    }, act);
  const engine: Engine = {
    ...inner,
    create(spec, options) {
      let container = 0;
      const call = (mine: Tape): Call => ({ call: 'create', spec, container: (container = mine.created++) });
      return noted(call, async (mine) => {
        const id = await inner.create(spec, options);
        botOf.set(id, spec.labels[LABEL.id] ?? '');
        mine?.numbers.set(id, container);
        return id;
      });
    },
    inspectVolume(name, options) {
      return noted(
        ({ botId }) => (name.includes(botId) ? { call: 'inspectVolume', name } : undefined),
        () => inner.inspectVolume(name, options),
      );
    },
    pathMode(id, path, options) {
      return notedOf(
        id,
        (container) => ({ call: 'pathMode', container, path }),
        () => inner.pathMode(id, path, options),
      );
    },
    writeArchive(id, path, tar, options) {
      const act = (): Promise<void> => inner.writeArchive(id, path, tar, options);
      if (!Buffer.isBuffer(tar)) return act();
      return notedOf(id, (container) => ({ call: 'writeArchive', container, path, tar }), act);
    },
    remove(id, options) {
      return notedOf(
        id,
        (container) => ({ call: 'remove', container, force: options?.force === true }),
        () => inner.remove(id, options),
      );
    },
    async start(id, options) {
      await notedOf(
        id,
        (container) => ({ call: 'start', container }),
        () => inner.start(id, options),
      );
      started.set(botOf.get(id) ?? '', performance.now());
    },
  };
  return {
    engine,
    started,
    async record(botId, act) {
      const mine: Tape = { botId, steps: [], ended: [], numbers: new Map(), created: 0 };
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

/**
 * Makes the recorded calls for another bot, and nothing else: each as soon as those have ended that had ended before it, so
 * that the same calls go side by side. Returns the id of its container.
 */
export async function replay(engine: Engine, { botId, steps }: Recording, otherId: string): Promise<string> {
  const ids: string[] = [];
  let started: string | undefined;
  const make = async (step: Step): Promise<void> => {
    if (step.call === 'inspectVolume')
      return void (await engine.inspectVolume(renamed(step.name, botId, otherId)));
    const id = ids[step.container] ?? '';
    switch (step.call) {
      case 'create':
        ids[step.container] = await engine.create(specFor(step.spec, botId, otherId));
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
        started = id;
        break;
    }
  };
  const made: Promise<void>[] = [];
  for (const step of steps) {
    const before = step.after.flatMap((index) => made[index] ?? []);
    made.push(Promise.all(before).then(() => make(step)));
  }
  await Promise.all(made);
  return started ?? ids.at(-1) ?? '';
}

const renamed = <T>(value: T, botId: string, otherId: string): T =>
  JSON.parse(JSON.stringify(value).replaceAll(botId, otherId)) as T;

/** Names of containers and volumes follow from the bot's id; a helper's is random and must only differ. */
function specFor(spec: ContainerSpec, botId: string, otherId: string): ContainerSpec {
  const copy = renamed(spec, botId, otherId);
  return spec.kind === 'bot' ? copy : { ...copy, name: `${spec.name}-${otherId.slice(-8)}` };
}
