import { setTimeout as sleep } from 'node:timers/promises';
import { LABEL } from '../../../model/labels.ts';
import { ContainerMissing, EngineFailed, ImageMissing, NameTaken, StartRefused } from '../errors.ts';
import { requireContainerId } from '../ids.ts';
import { volumeLabels } from '../labels.ts';
import { isObjectName } from '../names.ts';
import type { ContainerSelector, Engine } from '../port.ts';
import type { ContainerItem, CreateAnswer, CreateBody, InspectAnswer, WaitAnswer } from './api.ts';
import type { DockerContext } from './context.ts';
import { DockerRefusal, hasStatus, isNoSuchContainer, plainRefusal, refusalOf } from './failures.ts';
import { renderCreate } from './render.ts';
import { toDetail, toView } from './views.ts';
import { VolumeQuota } from './volume-quota.ts';

type Containers = Pick<Engine, 'create' | 'start' | 'stop' | 'remove' | 'inspect' | 'list' | 'wait'>;

const POLL_MS = 100;

export function containerCalls(context: DockerContext): Containers {
  const { client, installation, log, slowCallTimeoutMs } = context;
  const warned = new Set<string>();
  const quota = new VolumeQuota(context);

  const create: Containers['create'] = async (spec, options = {}) => {
    const rendered = renderCreate(installation, spec, await context.capabilities(options));
    const sizes = new Map(
      spec.volumes.flatMap(({ volume, sizeBytes }) => (sizeBytes === undefined ? [] : [[volume, sizeBytes]])),
    );
    try {
      const body = await quota.sized(withNewVolumes(installation, rendered), sizes, options);
      const answer = await client.json<CreateAnswer>({
        method: 'POST',
        path: '/containers/create',
        query: { name: spec.name },
        body,
        doing: `create ${spec.name}`,
        timeoutMs: slowCallTimeoutMs,
        signal: options.signal,
      });
      for (const warning of answer.Warnings ?? []) {
        if (warned.has(warning)) continue;
        warned.add(warning);
        log.warn({ warning }, 'The container engine cannot apply a setting');
      }
      context.own(answer.Id);
      return answer.Id;
    } catch (error) {
      throw createRefusal(error, spec.name, spec.image);
    }
  };

  const start: Containers['start'] = async (id, options = {}) => {
    await context.requireOwn(id, options);
    try {
      await client.run({
        method: 'POST',
        path: `/containers/${id}/start`,
        doing: 'start a container',
        timeoutMs: slowCallTimeoutMs,
        signal: options.signal,
      });
    } catch (error) {
      if (isNoSuchContainer(error)) throw new ContainerMissing(id, { cause: error });
      if (error instanceof DockerRefusal) throw new StartRefused(error.detail, { cause: error });
      throw error;
    }
  };

  const stop: Containers['stop'] = async (id, graceMs, options = {}) => {
    await context.requireOwn(id, options);
    const graceS = Math.ceil(Math.max(0, graceMs) / 1000);
    try {
      await client.run({
        method: 'POST',
        path: `/containers/${id}/stop`,
        query: { t: graceS },
        doing: 'stop a container',
        timeoutMs: graceS * 1000 + slowCallTimeoutMs,
        signal: options.signal,
      });
    } catch (error) {
      if (!isNoSuchContainer(error)) throw refusalOf(error, id);
    }
  };

  const remove: Containers['remove'] = async (id, options = {}) => {
    await context.requireOwn(id, options);
    try {
      await client.run({
        method: 'DELETE',
        path: `/containers/${id}`,
        // Anonymous volumes, which images may declare, go with it; named ones stay.
        query: { v: true, force: options.force === true },
        doing: 'remove a container',
        timeoutMs: slowCallTimeoutMs,
        signal: options.signal,
      });
    } catch (error) {
      if (isNoSuchContainer(error)) return;
      if (hasStatus(error, 409) && /already in progress/i.test(error.detail))
        return untilGone(id, options.signal);
      throw refusalOf(error, id);
    }
  };

  const inspect: Containers['inspect'] = async (idOrName, options = {}) => {
    if (!isObjectName(idOrName)) return undefined;
    try {
      const item = await client.json<InspectAnswer>({
        method: 'GET',
        path: `/containers/${encodeURIComponent(idOrName)}/json`,
        doing: 'inspect a container',
        signal: options.signal,
      });
      const detail = toDetail(item);
      // Docker also answers to the first digits of an id; here only the whole of an id or a name counts.
      if (detail.id !== idOrName && detail.name !== idOrName) return undefined;
      // Known from now on: a stop or a removal after this look goes out at once, with no question of ours in between.
      if (detail.labels[LABEL.installation] === installation) context.own(detail.id);
      return detail;
    } catch (error) {
      if (isNoSuchContainer(error)) return undefined;
      throw refusalOf(error, idOrName);
    }
  };

  const list: Containers['list'] = async (selector = {}, options = {}) => {
    const items = await client
      .json<ContainerItem[]>({
        method: 'GET',
        path: '/containers/json',
        query: { all: true, filters: JSON.stringify({ label: labelFilters(installation, selector) }) },
        doing: 'list containers',
        signal: options.signal,
      })
      .catch((error: unknown) => {
        throw plainRefusal(error);
      });
    return items.map(toView);
  };

  const wait: Containers['wait'] = async (id, options = {}) => {
    requireContainerId(id);
    for (;;) {
      const detail = await inspect(id, options);
      if (detail === undefined) throw new ContainerMissing(id);
      if (detail.exitCode !== undefined) return { exitCode: detail.exitCode };
      // Docker takes a container that never ran for one that has ended.
      if (detail.state === 'created') await sleep(POLL_MS, undefined, { signal: options.signal, ref: true });
      else return await waitRunning(id, options.signal);
    }
  };

  async function waitRunning(id: string, signal: AbortSignal | undefined): Promise<{ exitCode: number }> {
    try {
      const answer = await client.json<WaitAnswer>({
        method: 'POST',
        path: `/containers/${id}/wait`,
        query: { condition: 'not-running' },
        doing: 'wait for a container',
        timeoutMs: 0,
        signal,
      });
      if (answer.Error?.Message) throw new EngineFailed(answer.Error.Message);
      return { exitCode: answer.StatusCode };
    } catch (error) {
      throw refusalOf(error, id);
    }
  }

  async function untilGone(id: string, signal: AbortSignal | undefined): Promise<void> {
    const deadline = performance.now() + slowCallTimeoutMs;
    while ((await inspect(id, signal === undefined ? {} : { signal })) !== undefined) {
      if (performance.now() > deadline)
        throw new EngineFailed(`Container ${id} is being removed for more than ${slowCallTimeoutMs} ms`);
      await sleep(POLL_MS, undefined, { signal });
    }
  }

  return { create, start, stop, remove, inspect, list, wait };
}

function createRefusal(error: unknown, name: string, image: string): unknown {
  if (hasStatus(error, 409) && /in use by container/i.test(error.detail))
    return new NameTaken(name, /in use by container "?([0-9a-f]{64})/i.exec(error.detail)?.[1], {
      cause: error,
    });
  if (hasStatus(error, 404) && /no such image/i.test(error.detail))
    return new ImageMissing(image, { cause: error });
  return plainRefusal(error);
}

function labelFilters(installation: string, selector: ContainerSelector): string[] {
  const base =
    selector.scope === 'any-managed' ? `${LABEL.managed}=true` : `${LABEL.installation}=${installation}`;
  return [base, ...Object.entries(selector.labels ?? {}).map(([key, value]) => `${key}=${value}`)];
}

/** A volume that this container brings into being can be told from earlier ones of its name. */
function withNewVolumes(installation: string, body: CreateBody): CreateBody {
  const Mounts = body.HostConfig.Mounts.map((mount) => ({
    ...mount,
    VolumeOptions: {
      ...mount.VolumeOptions,
      Labels: volumeLabels(installation, mount.VolumeOptions.Labels),
    },
  }));
  return { ...body, HostConfig: { ...body.HostConfig, Mounts } };
}
