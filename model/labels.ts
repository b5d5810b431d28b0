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
  fingerprint: 'the0.fingerprint',
  /** The fencing token of the processor that created it. */
  token: 'the0.token',
  /** Content id of the code it runs. */
  code: 'the0.code',
  /** `nodejs20`, `python3.11` … */
  runtime: 'the0.runtime',
} as const;

export type BotLabelsInput = {
  botId: string;
  entrypoint: string;
  runtime: string;
  fingerprint: string;
  token: number;
  code: string;
};

/** Labels of a bot's container. The engine adds installation and kind. */
export function botLabels(input: BotLabelsInput): Record<string, string> {
  return {
    [LABEL.id]: input.botId,
    [LABEL.entrypoint]: input.entrypoint,
    [LABEL.managed]: 'true',
    [LABEL.type]: 'realtime' satisfies ContainerKindLabel,
    [LABEL.fingerprint]: input.fingerprint,
    [LABEL.token]: String(input.token),
    [LABEL.code]: input.code,
    [LABEL.runtime]: input.runtime,
  };
}
