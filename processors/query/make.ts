import { NameTaken } from '../../infra/engine/errors.ts';
import type { ContainerSpec, Engine } from '../../infra/engine/port.ts';
import { messageOf } from '../../infra/message-of.ts';
import type { BotDocument } from '../../model/bots.ts';
import { fingerprint } from '../../model/fingerprint.ts';
import { LABEL, queryLabels } from '../../model/labels.ts';
import { planQuery, type SingleQuery } from '../entrypoints/query-plan.ts';
import { PATHS } from '../entrypoints/paths.ts';
import { StartProblem } from '../errors.ts';
import { fillContainer } from '../launch/fill.ts';
import { prepare } from '../launch/prepare.ts';
import type { QueryContext } from './context.ts';
import { queryLimits, querySpec, withWritableState } from './query-spec.ts';

export type Wanted = {
  bot: BotDocument;
  network: ContainerSpec['network'];
  /** A network that the container is put into besides, such as that of the query server's own container. */
  second?: string;
  /** Set for a container that is run for one query alone. */
  single?: { request: string; query: SingleQuery };
  signal: AbortSignal;
};

const MAX_CREATES = 3;
/** Permission bits of a state directory that is ready (`state-volume.ts`). */
const READY_MODE = 0o750;

/** Makes and starts a query container. Throws what `describeFailure` reads, and leaves nothing behind when it throws. */
export async function makeContainer(context: QueryContext, wanted: Wanted): Promise<string> {
  const { launching } = context;
  const { engine, settings } = launching;
  const { bot, network, single, signal } = wanted;
  const limits = queryLimits(bot.config ?? {}, settings);
  const prepared = await prepare(launching, {
    bot,
    botType: 'realtime',
    program: { role: 'query', plan: (input) => planQuery(input, single?.query) },
    step: (_reason, work) => work(signal),
  });
  const spec = querySpec({
    ...prepared,
    limits,
    installation: engine.installation,
    botId: bot.id,
    network,
    ...(single === undefined ? {} : { request: single.request }),
    labels: queryLabels({
      botId: bot.id,
      entrypoint: prepared.launch.entryFile,
      runtime: prepared.runtime,
      fingerprint: fingerprint(bot),
      code: prepared.codeId,
      ...(single === undefined ? {} : { request: single.request }),
    }),
  });
  return launching.slots.run(async (place) => {
    const id = await create(context, spec);
    try {
      signal.throwIfAborted();
      await fillContainer(engine, id, prepared.launch, {
        state: (either) => place.lend(() => ensureState(context, bot.id, { id, spec }, either), either),
        signal,
      });
      if (wanted.second !== undefined) await engine.joinInternalNetwork(wanted.second, id, { signal });
      await engine.start(id, { signal });
      return id;
    } catch (error) {
      await discard(context, { id, spec });
      throw error;
    }
  }, signal);
}

/**
 * A state that is there is read as it is: its bot may be at work with it. Only where none ever was on this engine it is got,
 * as for a run of the bot.
 */
async function ensureState(
  { launching }: QueryContext,
  botId: string,
  { id, spec }: { id: string; spec: ContainerSpec },
  signal: AbortSignal,
): Promise<void> {
  const { engine, keeping, newId } = launching;
  if ((await engine.pathMode(id, PATHS.state, { signal })) === READY_MODE) return;
  await keeping.restore(
    botId,
    { id, spec: withWritableState(spec) },
    { nonce: newId(), shared: true, signal },
  );
}

/** Not cut off by a signal: the engine would make it all the same, and nobody would know its id. */
async function create(context: QueryContext, spec: ContainerSpec): Promise<string> {
  const { engine } = context.launching;
  for (let tries = 0; ; tries += 1) {
    try {
      return await engine.create(spec);
    } catch (error) {
      if (!(error instanceof NameTaken) || tries === MAX_CREATES) throw error;
    }
    const holder = await engine.inspect(spec.name);
    if (holder === undefined) continue;
    if (holder.labels[LABEL.kind] !== 'query')
      throw new StartProblem('name_taken', `Something else is called ${spec.name}: remove it`, {
        retryable: true,
      });
    // Of a job that was cut off, or of another that is at it too: a query may be asked twice.
    await engine.remove(holder.id, { force: true });
  }
}

/** Removes a query container and what belongs to it alone. It can be killed at any time: it changes nothing. */
export async function discard(
  { launching, log }: Pick<QueryContext, 'launching' | 'log'>,
  container: { id: string; spec: ContainerSpec } | { id: string; launchVolume: string },
): Promise<void> {
  const { engine } = launching;
  try {
    await engine.remove(container.id, { force: true });
    const volume = 'launchVolume' in container ? container.launchVolume : launchVolumeOf(container.spec);
    if (volume !== undefined) await removeVolume(engine, volume);
  } catch (error) {
    // The engine is away; the sweep finds what stays.
    log.debug(
      { containerId: container.id, error: messageOf(error) },
      'A query container stays for now, and is swept later',
    );
  }
}

const launchVolumeOf = (spec: ContainerSpec): string | undefined =>
  spec.volumes.find(({ path }) => path === PATHS.run)?.volume;

async function removeVolume(engine: Engine, name: string): Promise<void> {
  await engine.removeVolume(name);
}
