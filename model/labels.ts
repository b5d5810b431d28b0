import type { ContainerKindLabel } from './names.ts';

/** Labels on our containers: the contract's four (§9.5), and ours. */
export const LABEL = {
  /** The contract's. */
  id: 'runtime.id',
  entrypoint: 'runtime.entrypoint',
  managed: 'runtime.managed',
  type: 'runtime.type',
  /** Ours. */
  installation: 'the0.installation',
  kind: 'the0.kind',
  /** Of a volume: tells it from another of the same name, before or after it. */
  made: 'the0.made',
  fingerprint: 'the0.fingerprint',
  /** The fencing token of the processor that created it. */
  token: 'the0.token',
  /**
   * Of a bot's container: the operators' wish for a restart that it fulfils. Not part of the fingerprint. One that an earlier
   * release made has none, which counts as 0: only somebody's wish restarts it, never our release.
   */
  restarts: 'the0.restarts',
  /** Content id of the code it runs. */
  code: 'the0.code',
  /** `nodejs20`, `python3.11` … */
  runtime: 'the0.runtime',
  /** Of a run's container: the id of the run, and which attempt of it. */
  run: 'the0.run',
  attempt: 'the0.attempt',
  /** Of a container that is run for one query alone: which. */
  request: 'the0.request',
} as const;

type CommonInput = {
  entrypoint: string;
  runtime: string;
  fingerprint: string;
  code: string;
};

export type BotLabelsInput = CommonInput & { botId: string; token: number; restarts: number };
export type RunLabelsInput = CommonInput & { scheduleId: string; runId: string; attempt: number };

/** Labels of a bot's container. The engine adds installation and kind. */
export function botLabels(input: BotLabelsInput): Record<string, string> {
  return {
    ...common(input.botId, 'realtime', input),
    [LABEL.token]: String(input.token),
    [LABEL.restarts]: String(input.restarts),
  };
}

/** Which wish for a restart a container fulfils. */
export function restartsOf(labels: Readonly<Record<string, string>>): number {
  const restarts = Number(labels[LABEL.restarts]);
  return Number.isSafeInteger(restarts) ? restarts : 0;
}

/** Labels of a container that answers queries: for all of a bot, or for the one named. */
export function queryLabels(
  input: CommonInput & { botId: string; request?: string },
): Record<string, string> {
  const { request } = input;
  return {
    ...common(input.botId, 'query', input),
    ...(request === undefined ? {} : { [LABEL.request]: request }),
  };
}

/** Labels of a run's container. `runtime.id` is its schedule's. The engine adds installation and kind. */
export function runLabels(input: RunLabelsInput): Record<string, string> {
  return {
    ...common(input.scheduleId, 'scheduled', input),
    [LABEL.run]: input.runId,
    [LABEL.attempt]: String(input.attempt),
  };
}

function common(id: string, type: ContainerKindLabel, input: CommonInput): Record<string, string> {
  return {
    [LABEL.id]: id,
    [LABEL.entrypoint]: input.entrypoint,
    [LABEL.managed]: 'true',
    [LABEL.type]: type,
    [LABEL.fingerprint]: input.fingerprint,
    [LABEL.code]: input.code,
    [LABEL.runtime]: input.runtime,
  };
}
