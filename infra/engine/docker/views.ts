import type { ContainerDetail, ContainerState, ContainerView } from '../port.ts';
import { signalOfExitCode } from '../signals.ts';
import type { ContainerItem, InspectAnswer } from './api.ts';

const STATES: readonly string[] = [
  'created',
  'running',
  'paused',
  'restarting',
  'removing',
  'exited',
  'dead',
] satisfies ContainerState[];

export function toView(item: ContainerItem): ContainerView {
  return {
    id: item.Id,
    name: bareName(item.Names?.[0]),
    state: toState(item.State),
    labels: item.Labels ?? {},
    image: item.ImageID,
  };
}

export function toDetail(item: InspectAnswer): ContainerDetail {
  const state = toState(item.State.Status);
  const startedAtMs = toMs(item.State.StartedAt);
  const ended = state === 'exited' || state === 'dead';
  const finishedAtMs = ended ? toMs(item.State.FinishedAt) : undefined;
  const signal = ended ? signalOfExitCode(item.State.ExitCode) : undefined;
  return {
    id: item.Id,
    name: bareName(item.Name),
    state,
    labels: item.Config.Labels ?? {},
    image: item.Image,
    createdAtMs: toMs(item.Created) ?? 0,
    ...(startedAtMs === undefined ? {} : { startedAtMs }),
    ...(finishedAtMs === undefined ? {} : { finishedAtMs }),
    ...(ended ? { exitCode: item.State.ExitCode } : {}),
    ...(signal === undefined ? {} : { signal }),
    oomKilled: item.State.OOMKilled,
    ...(item.State.Error ? { error: item.State.Error } : {}),
    addresses: addressesOf(item),
  };
}

/** Docker tells an empty address for a network on which a container is not up. */
function addressesOf({ NetworkSettings: settings }: InspectAnswer): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings?.Networks ?? {}).flatMap(([name, { IPAddress: address }]) =>
      address === undefined || address === '' ? [] : [[name, address]],
    ),
  );
}

/** Epoch milliseconds; undefined for Docker's year 1, which means never. */
export function toMs(time: string | undefined): number | undefined {
  const ms = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(ms) || ms <= 0 ? undefined : ms;
}

function toState(state: string): ContainerState {
  return (STATES.includes(state) ? state : 'dead') as ContainerState;
}

function bareName(name: string | undefined): string {
  return (name ?? '').replace(/^\//, '');
}
