import type { Settings } from '../../../infra/config/settings.ts';
import type { Finding, ProbeFacts } from './facts.ts';
import { WRITES } from './plan.ts';
import { held, missing, open, unknown, type Judged } from './row.ts';

const NOT_OURS = 'find out who changed the container: this runtime makes none such';

/** Where the bot could write. Pure. */
export function writeRows({ findings }: ProbeFacts): Judged[] {
  const tried = findings.filter(({ probe }) => probe === 'write');
  return Object.entries(WRITES).map(([name, paths]) => {
    const mine = tried.filter(({ what }) => (paths as readonly string[]).includes(what));
    const written = mine.filter(({ result }) => result === 'written');
    if (written.length > 0) return open(name, `it could write ${list(written)}`, NOT_OURS);
    const refused = mine.filter(({ result }) => result === 'refused');
    if (mine.length === 0) return unknown(name, 'it was not tried');
    return held(
      name,
      refused.length === 0 ? 'none of them is there' : `${list(refused)}: ${reasons(refused)}`,
    );
  });
}

/** Whether it could take what others need. Pure. */
export function exhaustRows(facts: ProbeFacts, settings: Settings): Judged[] {
  return [
    processesRow(facts),
    memoryRow(facts),
    ...Object.entries(facts.plan.tmpfs).map(([path, mb]) => tmpfsRow(facts, path, mb)),
    resultRow(facts),
    stateRow(facts, settings),
    hostRow(facts),
  ];
}

function processesRow({ plan, findings }: ProbeFacts): Judged {
  const name = 'processes';
  const found = one(findings, 'exhaust', 'processes');
  const [started = '0'] = found?.detail.split(' ') ?? [];
  if (found?.result === 'stopped')
    return held(name, `no more after ${started}, of BOT_PIDS_LIMIT=${plan.pids}`);
  if (found?.result !== 'unbounded') return unknown(name, found?.detail ?? 'it was not tried');
  return plan.processes <= plan.pids
    ? held(name, `${started} were started; BOT_PIDS_LIMIT=${plan.pids}, which is more than is tried`)
    : open(
        name,
        `${started} were started, although BOT_PIDS_LIMIT=${plan.pids}`,
        'the engine’s host has no pids control group: enable it in its kernel',
      );
}

function memoryRow({ plan, findings, oomKilled }: ProbeFacts): Judged {
  const name = 'memory';
  const found = one(findings, 'exhaust', 'memory');
  if (found?.result === 'killed')
    return held(name, `the kernel ended it at ${found.detail} MB, of ${plan.memoryMb} MB`);
  // It was the last thing to be tried, and took the whole container with it.
  if (found === undefined && oomKilled)
    return held(name, `the kernel ended the container at ${plan.memoryMb} MB`);
  if (found?.result !== 'unbounded') return unknown(name, found?.result ?? 'it was not tried');
  return open(
    name,
    `it took ${found.detail} MB, of ${plan.memoryMb} MB`,
    'the engine’s host does not limit memory: enable the memory control group in its kernel',
  );
}

function tmpfsRow({ findings }: ProbeFacts, path: string, mb: number): Judged {
  const name = `disk: ${path}`;
  const found = one(findings, 'fill', path);
  if (found?.result === 'full') return held(name, `full after ${found.detail} MB, of ${mb} MB`);
  if (found?.result === 'killed') return held(name, 'it counts as memory, and the kernel ended it');
  if (found?.result !== 'unbounded') return unknown(name, found?.result ?? 'it was not tried');
  return open(name, `it took ${found.detail} MB, of ${mb} MB`, NOT_OURS);
}

function resultRow({ plan, findings }: ProbeFacts): Judged {
  const name = 'disk: result.json';
  const found = findings.find(({ probe }) => probe === 'grow');
  if (found?.result === 'stopped') return held(name, `no file is larger than ${plan.fileMb} MB`);
  if (found?.result !== 'unbounded') return unknown(name, found?.detail ?? 'it was not tried');
  return open(name, `${found.what} could be as large as the disk`, NOT_OURS);
}

/** A volume that is limited tells its limit as the size of the file system; else that of the whole disk. */
function stateRow({ plan, findings }: ProbeFacts, settings: Settings): Judged {
  const name = 'disk: state';
  const found = findings.find(({ probe }) => probe === 'room');
  if (found === undefined) return unknown(name, 'it was not tried');
  const mb = Number(found.result);
  if (mb <= plan.stateMb) return held(name, `${mb} MB, of MAX_STATE_SIZE_MB=${plan.stateMb}`);
  const every = settings.STATE_CHECK_INTERVAL / 1000;
  return missing(
    name,
    `no storage quota: its disk has ${mb} MB. It is measured every ${every} s, and a bot beyond MAX_STATE_SIZE_MB=${plan.stateMb} stopped`,
    'give the engine a disk of its own, so that a full one is not the host’s',
  );
}

const SLOW_MS = 5_000;

function hostRow({ slowestAnswerMs }: ProbeFacts): Judged {
  const name = 'the host meanwhile';
  if (slowestAnswerMs === undefined)
    return open(name, 'the engine did not answer any more', 'leave the host more than all bots may take');
  const ms = Math.round(slowestAnswerMs);
  return slowestAnswerMs > SLOW_MS
    ? open(name, `the engine took ${ms} ms for an answer`, 'leave the host more than all bots may take')
    : held(name, `the engine’s slowest answer took ${ms} ms`);
}

export const one = (findings: readonly Finding[], probe: string, what: string): Finding | undefined =>
  findings.find((finding) => finding.probe === probe && finding.what === what);

export const list = (findings: readonly Finding[]): string => findings.map(({ what }) => what).join(', ');

export const reasons = (findings: readonly Finding[]): string =>
  [...new Set(findings.map(({ detail }) => detail))].join(', ');
