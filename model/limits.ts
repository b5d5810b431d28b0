import type { BotConfig } from './bots.ts';
import { formatCores, formatMemory, parseQuantity } from './quantity.ts';
import { shown } from './shown.ts';

/** What the operator gives a bot that asks for nothing, and the most that one may ask for. */
export type OperatorLimits = {
  memoryMb: number;
  memoryCeilingMb: number;
  cpus: number;
  cpuCeiling: number;
  /** Relative weight under contention of a bot that sets no `cpu_request`. */
  cpuShares: number;
  /** What a bot's state may take, which is also the most that one may ask for. */
  stateMb: number;
  /** The same in files and folders. */
  stateFiles: number;
};

export type BotLimits = { memoryBytes: number; cpus: number; cpuShares: number };

/** `notes` belong into the bot's status: what was asked for and is not given. `problems` say why it cannot start. */
export type LimitsOutcome =
  | { ok: true; limits: BotLimits; stateBytes: number; stateFiles: number; notes: string[] }
  | { ok: false; problems: string[] };

const MB = 2 ** 20;
const MEMORY_FLOOR_BYTES = 16 * MB;
/** What is smaller than this is within every limit of a state that a bot may have. */
export const STATE_FLOOR_BYTES = MB;
/** The same in files and folders. */
export const STATE_FLOOR_FILES = 100;
/** The least that the kernel's scheduler is given by every engine: a hundredth of a core. */
const CPU_FLOOR = 0.01;
/** Kubernetes' own conversion of a request into a weight, and the kernel's range for it. */
const SHARES_PER_CORE = 1024;
const SHARES_MIN = 2;
const SHARES_MAX = 262_144;

type Kind = { floor: number; format: (value: number) => string; unit: string; example: string };
const MEMORY: Kind = {
  floor: MEMORY_FLOOR_BYTES,
  format: formatMemory,
  unit: 'bytes',
  example: '"512Mi" or "1Gi"',
};
const STATE: Kind = { ...MEMORY, floor: STATE_FLOOR_BYTES };
const FILES: Kind = {
  floor: STATE_FLOOR_FILES,
  format: (files) => `${Math.floor(files)} files`,
  unit: 'files',
  example: '1000',
};
const CPU: Kind = { floor: CPU_FLOOR, format: formatCores, unit: 'cores', example: '"500m" or 1' };

/**
 * The limits of a bot from `config.memory_limit`, `cpu_limit`, `memory_request` and `cpu_request` (contract §9.6), and from
 * `config.state_limit` and `state_files`, which are ours, all optional Kubernetes quantities. A limit above the operator's ceiling is lowered to it, with a note; what cannot be
 * read, or is too small to run with, is a problem. `cpu_request` becomes the bot's weight where CPU is short;
 * `memory_request` is checked and has no further effect on one host, where memory is not reserved.
 */
export function botLimits(config: BotConfig, operator: OperatorLimits): LimitsOutcome {
  const problems: string[] = [];
  const notes: string[] = [];
  const read = (field: string, kind: Kind): number | undefined => {
    const value = config[field];
    if (value === undefined || value === null) return undefined;
    const amount = parseQuantity(value);
    if (amount !== undefined && amount >= kind.floor) return amount;
    problems.push(
      amount === undefined ? unreadable(field, value, kind) : tooSmall(field, value, amount, kind),
    );
    return undefined;
  };
  const limited = (
    field: string,
    asked: number | undefined,
    initial: number,
    ceiling: number,
    kind: Kind,
  ): number => {
    // An operator who raises the default and forgets the ceiling means the default.
    const most = Math.max(initial, ceiling);
    if (asked === undefined) return initial;
    if (asked > most)
      notes.push(
        `config.${field} asks for ${kind.format(asked)}; the operator allows ${kind.format(most)}, which is what it gets`,
      );
    return Math.min(asked, most);
  };
  const requested = (
    field: string,
    limitField: string,
    limit: number | undefined,
    kind: Kind,
  ): number | undefined => {
    const request = read(field, kind);
    if (request !== undefined && limit !== undefined && request > limit)
      problems.push(
        `config.${field} (${kind.format(request)}) is more than config.${limitField} (${kind.format(limit)}): lower the request or raise the limit`,
      );
    return request;
  };

  const memoryLimit = read('memory_limit', MEMORY);
  const cpuLimit = read('cpu_limit', CPU);
  requested('memory_request', 'memory_limit', memoryLimit, MEMORY);
  const cpuRequest = requested('cpu_request', 'cpu_limit', cpuLimit, CPU);
  const stateLimit = read('state_limit', STATE);
  const filesLimit = read('state_files', FILES);
  if (problems.length > 0) return { ok: false, problems };

  const memoryBytes = Math.floor(
    limited('memory_limit', memoryLimit, operator.memoryMb * MB, operator.memoryCeilingMb * MB, MEMORY),
  );
  const cpus = limited('cpu_limit', cpuLimit, operator.cpus, operator.cpuCeiling, CPU);
  const mostState = operator.stateMb * MB;
  const stateBytes = Math.floor(limited('state_limit', stateLimit, mostState, mostState, STATE));
  const { stateFiles: mostFiles } = operator;
  const stateFiles = Math.floor(limited('state_files', filesLimit, mostFiles, mostFiles, FILES));
  const cpuShares = cpuRequest === undefined ? operator.cpuShares : weight(Math.min(cpuRequest, cpus));
  return { ok: true, limits: { memoryBytes, cpus, cpuShares }, stateBytes, stateFiles, notes };
}

/** What a bot's state may take, whatever else its config says: the operator's limit where the bot's cannot be read. */
export function stateLimitBytes(config: BotConfig, operator: Pick<OperatorLimits, 'stateMb'>): number {
  const most = operator.stateMb * MB;
  const asked = parseQuantity(config['state_limit']);
  return asked === undefined || asked < STATE_FLOOR_BYTES ? most : Math.floor(Math.min(asked, most));
}

/** The same in files and folders. */
export function stateFilesLimit(config: BotConfig, operator: Pick<OperatorLimits, 'stateFiles'>): number {
  const { stateFiles: most } = operator;
  const asked = parseQuantity(config['state_files']);
  return asked === undefined || asked < STATE_FLOOR_FILES ? most : Math.floor(Math.min(asked, most));
}

const weight = (cores: number): number =>
  Math.min(SHARES_MAX, Math.max(SHARES_MIN, Math.round(cores * SHARES_PER_CORE)));

function unreadable(field: string, value: unknown, kind: Kind): string {
  return `config.${field} is ${shown(value)}, which is no quantity: write it like ${kind.example}`;
}

function tooSmall(field: string, value: unknown, amount: number, kind: Kind): string {
  const meaning = `${kind === CPU || amount < 1 ? amount : Math.floor(amount)} ${kind.unit}`;
  return `config.${field} is ${shown(value)}, which means ${meaning}: at least ${kind.format(kind.floor)} is needed; write it like ${kind.example}`;
}
