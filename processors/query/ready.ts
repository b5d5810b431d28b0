import { ContainerMissing } from '../../infra/engine/errors.ts';
import type { ContainerDetail } from '../../infra/engine/port.ts';
import type { QueryContainerDocument } from '../../infra/mongo/collections.ts';
import { pause } from '../../infra/pause.ts';
import type { BotDocument } from '../../model/bots.ts';
import { fingerprint } from '../../model/fingerprint.ts';
import { LABEL } from '../../model/labels.ts';
import { queryContainerName, queryLaunchVolumeName } from '../../model/names.ts';
import { SINGLE_SHOT_BELIEVED_MS } from '../../model/queries.ts';
import { isUp } from '../containers.ts';
import { QUERY_PORT } from '../entrypoints/query-plan.ts';
import { NotReadyYet, StartProblem } from '../errors.ts';
import type { HandlerResult } from '../job-worker.ts';
import type { QueryContext } from './context.ts';
import { problemOf } from './failures.ts';
import { discard, makeContainer } from './make.ts';
import { isOn, queryNetworks, type QueryNetworks } from './networks.ts';

/** A container that was asked within this makes no room for another. */
const BUSY_MS = 10_000;
const NOT_READY_MS = 750;
const LOOK_EVERY_MS = 200;
/** The query server says that a container never listened; this is for a server that is gone. */
const NOBODY_ASKS_MS = 10_000;

type Pass = {
  context: QueryContext;
  botId: string;
  record: QueryContainerDocument;
  bot: BotDocument;
  wanted: string;
  networks: QueryNetworks;
  signal: AbortSignal;
};

const done = (reason: string): HandlerResult => ({ kind: 'done', reason, outcome: 'succeeded' });
const failed = (reason: string): HandlerResult => ({ kind: 'done', reason, outcome: 'failed' });

/** Sees to it that a bot has a query container that answers, or that whoever asks is told why not. */
export async function readyContainer(
  context: QueryContext,
  botId: string,
  signal: AbortSignal,
): Promise<HandlerResult> {
  const { records, launching } = context;
  const [asked, bot] = await Promise.all([records.container(botId), records.bot(botId)]);
  if (asked === undefined) return done('nobody asks for it any more');
  let record = asked;
  try {
    record = await withKnownServers(context, asked);
    const existing = await launching.engine.inspect(queryContainerName(launching.engine.installation, botId));
    if (bot === undefined || !hasQuery(bot)) return await gone(context, record, existing);
    const { installation } = launching.engine;
    const networks = queryNetworks(installation, bot, record);
    const pass: Pass = { context, botId, record, bot, wanted: fingerprint(bot), networks, signal };
    return existing !== undefined && isUsable(pass, existing)
      ? await keep(pass, existing)
      : await replace(pass, existing);
  } catch (error) {
    if (signal.aborted) return { kind: 'again', afterMs: 0 };
    if (error instanceof NotReadyYet) return { kind: 'again', afterMs: NOT_READY_MS };
    const problem = problemOf(error);
    await records.settle(botId, {
      state: 'failed',
      fingerprint: bot === undefined ? record.fingerprint : fingerprint(bot),
      problem,
    });
    return failed(problem.reason);
  }
}

/** Less the query servers whose containers the engine does not know. */
async function withKnownServers(
  { records, launching }: QueryContext,
  record: QueryContainerDocument,
): Promise<QueryContainerDocument> {
  const servers = record.servers ?? [];
  const known = await Promise.all(
    servers.map(async (server) => (await launching.engine.inspect(server)) !== undefined),
  );
  const strangers = servers.filter((_, index) => known[index] !== true);
  if (strangers.length === 0) return record;
  await records.strangers(record._id, strangers);
  return { ...record, servers: servers.filter((_, index) => known[index] === true) };
}

const hasQuery = (bot: BotDocument): boolean => Boolean(bot.custom?.config?.entrypoints?.query);

/** The bot was deleted, or has no query program any more. */
async function gone(
  context: QueryContext,
  record: QueryContainerDocument,
  existing: ContainerDetail | undefined,
): Promise<HandlerResult> {
  if (existing !== undefined) await throwAway(context, record._id, existing.id);
  await context.records.forget(record);
  return done('the bot has no queries');
}

function isUsable({ context, record, wanted, networks }: Pass, container: ContainerDetail): boolean {
  return (
    isUp(container) &&
    container.labels[LABEL.fingerprint] === wanted &&
    container.id !== record.broken &&
    container.id !== record.silent &&
    isOn(container, networks, context.launching.engine.installation)
  );
}

/** The container that is there will do. A further query server may have to be let into its network. */
async function keep(pass: Pass, container: ContainerDetail): Promise<HandlerResult> {
  const { context, botId, record } = pass;
  const joined = await joinServers(pass);
  if (record.state === 'ready' && record.containerId === container.id) {
    await context.records.joined(botId, container.id, joined);
    return done('its query container is there');
  }
  await settleReady(pass, container, joined);
  return untilHeard(pass, container.id);
}

async function replace(pass: Pass, existing: ContainerDetail | undefined): Promise<HandlerResult> {
  const { context, botId, record, wanted, networks, bot, signal } = pass;
  const { records, launching, now } = context;
  if (existing !== undefined) await throwAway(context, botId, existing.id);
  const silent = existing !== undefined && existing.id === record.silent;
  const knownSilent =
    record.state === 'single-shot' &&
    record.fingerprint === wanted &&
    now() - record.updatedAt.getTime() < SINGLE_SHOT_BELIEVED_MS;
  if (silent || knownSilent) {
    await records.settle(botId, { state: 'single-shot', fingerprint: wanted });
    return done('its query program does not serve');
  }
  const { line, taken } = context.room;
  let id: string;
  try {
    await line.run(() => makeRoom(pass), signal);
    await ensureNetworks(pass);
    id = await makeContainer(context, {
      bot,
      network: networks.network,
      ...(networks.second === undefined ? {} : { second: networks.second }),
      signal,
    });
  } finally {
    // From here on the engine tells of it.
    taken.delete(botId);
  }
  const container = await launching.engine.inspect(id);
  if (container === undefined || !isUp(container)) return endedUnheard(pass, id);
  await settleReady(pass, container, await joinServers(pass));
  return untilHeard(pass, id);
}

async function settleReady(pass: Pass, container: ContainerDetail, joined: string[]): Promise<void> {
  const { context, botId, wanted, networks } = pass;
  const address = container.addresses[networks.askedBy];
  if (address === undefined)
    throw new StartProblem('no_address', 'The engine gave the query container no address', {
      retryable: true,
    });
  await context.records.settle(botId, {
    state: 'ready',
    fingerprint: wanted,
    containerId: container.id,
    address: `${address}:${QUERY_PORT}`,
    joined,
  });
}

/** Stays until the query server has heard from the container, so that one that ends at once is known for what it is. */
async function untilHeard(pass: Pass, id: string): Promise<HandlerResult> {
  const { context, botId, signal } = pass;
  const { engine, settings } = context.launching;
  const leave = new AbortController();
  const either = AbortSignal.any([leave.signal, signal]);
  let ended = false;
  const watching = engine.wait(id, { signal: either }).then(
    () => (ended = true),
    (error: unknown) => (ended = error instanceof ContainerMissing),
  );
  try {
    const deadline = performance.now() + settings.QUERY_START + NOBODY_ASKS_MS;
    while (performance.now() < deadline) {
      await Promise.race([watching, pause(LOOK_EVERY_MS, either)]);
      if (signal.aborted) return { kind: 'again', afterMs: 0 };
      const record = await context.records.container(botId);
      if (record?.containerId !== id || record.broken === id) return done('another one takes its place');
      if (record.listening === id) return done('its query container answers');
      if (ended || record.silent === id) return await endedUnheard(pass, id);
    }
    return done('nobody has asked its query container');
  } finally {
    leave.abort();
    await watching;
  }
}

/** It ended, or never listened: its program answers one query at a time, or not at all, which a single run tells. */
async function endedUnheard({ context, botId, wanted }: Pass, id: string): Promise<HandlerResult> {
  await throwAway(context, botId, id);
  await context.records.settle(botId, { state: 'single-shot', fingerprint: wanted });
  return done('its query program does not serve');
}

async function ensureNetworks({ context, networks, signal }: Pass): Promise<void> {
  const { internal } = networks;
  if (internal === undefined) return;
  const { name, shared } = internal;
  const { bridge } = await context.launching.engine.ensureInternalNetwork(name, { shared, signal });
  if (shared) await context.close(bridge);
}

/** Lets the query servers' own containers into the bot's network. */
async function joinServers({ context, record, networks, signal }: Pass): Promise<string[]> {
  const { internal } = networks;
  if (internal === undefined || internal.shared) return [];
  const joined: string[] = [];
  for (const server of record.servers ?? []) {
    try {
      await context.launching.engine.joinInternalNetwork(internal.name, server, { signal });
      joined.push(server);
    } catch (error) {
      // A query server that is gone needs no way in.
      if (!(error instanceof ContainerMissing)) throw error;
    }
  }
  return joined;
}

/** The container that was longest unused makes way for one more. Those count too that are just being made. */
async function makeRoom({ context, botId, signal }: Pass): Promise<void> {
  const { records, launching, room, now } = context;
  const most = launching.settings.QUERY_CONTAINERS;
  const [ready, containers] = await Promise.all([
    records.inUse(),
    launching.engine.list({ labels: { [LABEL.kind]: 'query' } }, { signal }),
  ]);
  const shared = containers.filter(
    ({ state, labels }) => labels[LABEL.request] === undefined && state !== 'exited' && state !== 'dead',
  );
  const others = ready.filter(({ _id }) => _id !== botId);
  const present = new Set([
    ...others.map(({ _id }) => _id),
    ...shared.map(({ labels }) => labels[LABEL.id] ?? ''),
    ...room.taken,
  ]);
  present.delete(botId);
  for (let excess = present.size + 1 - most; excess > 0; excess -= 1) {
    const other = others.shift();
    const free =
      other !== undefined &&
      now() - other.usedAt.getTime() >= BUSY_MS &&
      // None goes for nothing: the rest of the room has to be there too.
      others.length >= excess - 1 &&
      (await records.forget(other));
    if (!free)
      throw new StartProblem(
        'no_room',
        `All ${most} query containers are in use: try again soon, or raise QUERY_CONTAINERS`,
        { retryable: true },
      );
    if (other.containerId !== undefined) await throwAway(context, other._id, other.containerId);
  }
  room.taken.add(botId);
}

async function throwAway(context: QueryContext, botId: string, id: string): Promise<void> {
  const { installation } = context.launching.engine;
  await discard(context, { id, launchVolume: queryLaunchVolumeName(installation, botId) });
}
