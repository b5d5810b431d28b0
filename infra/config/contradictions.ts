import { isIPv4 } from 'node:net';
import type { SettingName, Settings } from './settings.ts';

/** Settings that each can be used, and that together do not do what somebody meant. `names`: all that take part. */
export type Contradiction = { names: readonly SettingName[]; problem: string; cure: string };

const HOUR_MS = 3_600_000;
const MB_OF_SMALL_TMPFS = 32;
const METADATA = '169.254.169.254';

/**
 * What can be run with, but not as meant. What cannot be run with at all is refused by `loadSettings`. Pure.
 * Each rule says what happens, so that whoever meant just that can leave it.
 */
export function contradictionsIn(settings: Settings): Contradiction[] {
  return [
    ...lifeCycle(settings),
    ...limits(settings),
    ...schedules(settings),
    ...storage(settings),
    ...queries(settings),
    ...network(settings),
  ];
}

type Rule = [broken: boolean, names: readonly SettingName[], problem: string, cure: string];

const broken = (rules: readonly Rule[]): Contradiction[] =>
  rules.filter(([is]) => is).map(([, names, problem, cure]) => ({ names, problem, cure }));

const seconds = (ms: number): string => `${ms / 1000} s`;

function lifeCycle(s: Settings): Contradiction[] {
  return broken([
    [
      s.STOP_GRACE > s.DRAIN_DEADLINE,
      ['STOP_GRACE', 'DRAIN_DEADLINE'],
      `a bot may take ${seconds(s.STOP_GRACE)} to stop, a processor that drains waits ${seconds(s.DRAIN_DEADLINE)}: stops are cut off, and the next processor takes them up again`,
      'raise DRAIN_DEADLINE above STOP_GRACE, and what stops the process above both',
    ],
    [
      s.BACKOFF_MAX > s.STABLE_AFTER,
      ['BACKOFF_MAX', 'STABLE_AFTER'],
      `a crashing bot waits up to ${seconds(s.BACKOFF_MAX)}, and its crashes are forgotten after ${seconds(s.STABLE_AFTER)} up: one that crashes late never waits longer`,
      'raise STABLE_AFTER to BACKOFF_MAX or more',
    ],
  ]);
}

function limits(s: Settings): Contradiction[] {
  const onMemory = s.BOT_TMP_MB + s.BOT_WORKDIR_MB + s.BOT_SHM_MB + MB_OF_SMALL_TMPFS;
  return broken([
    [
      onMemory >= s.BOT_MEMORY_LIMIT_MB,
      ['BOT_TMP_MB', 'BOT_WORKDIR_MB', 'BOT_SHM_MB', 'BOT_MEMORY_LIMIT_MB'],
      `files in /tmp, /bot and /dev/shm count as memory: together they may take ${onMemory} MB of the ${s.BOT_MEMORY_LIMIT_MB} MB of a bot, which is then killed`,
      'lower them, or raise BOT_MEMORY_LIMIT_MB',
    ],
    [
      s.BOT_NPROC_LIMIT < s.BOT_PIDS_LIMIT,
      ['BOT_NPROC_LIMIT', 'BOT_PIDS_LIMIT'],
      `the kernel counts BOT_NPROC_LIMIT=${s.BOT_NPROC_LIMIT} over all bots together, and one of them may have ${s.BOT_PIDS_LIMIT}: it keeps the others from starting processes`,
      'raise BOT_NPROC_LIMIT to BOT_PIDS_LIMIT times the number of bots',
    ],
    [
      s.BOT_BLKIO_DEVICE !== undefined && s.BOT_BLKIO_READ_MB === 0 && s.BOT_BLKIO_WRITE_MB === 0,
      ['BOT_BLKIO_DEVICE', 'BOT_BLKIO_READ_MB', 'BOT_BLKIO_WRITE_MB'],
      'a device is named, and neither rate: nothing is limited',
      'set a rate, or unset BOT_BLKIO_DEVICE',
    ],
    [
      s.CODE_MAX_ARCHIVE_MB > s.CODE_MAX_UNPACKED_MB,
      ['CODE_MAX_ARCHIVE_MB', 'CODE_MAX_UNPACKED_MB'],
      `an archive may be larger (${s.CODE_MAX_ARCHIVE_MB} MB) than what comes out of one (${s.CODE_MAX_UNPACKED_MB} MB): it is fetched in vain`,
      'raise CODE_MAX_UNPACKED_MB',
    ],
  ]);
}

function schedules(s: Settings): Contradiction[] {
  return broken([
    [
      s.RUN_TIMEOUT > s.RUN_TIMEOUT_CEILING,
      ['RUN_TIMEOUT', 'RUN_TIMEOUT_CEILING'],
      'a run that asks for no time-out gets more than one may ask for',
      'raise RUN_TIMEOUT_CEILING, or lower RUN_TIMEOUT',
    ],
    [
      s.CHECK_INTERVAL > s.MISFIRE_AFTER,
      ['CHECK_INTERVAL', 'MISFIRE_AFTER'],
      `a lost alarm is found after ${seconds(s.CHECK_INTERVAL)}, and by then its tick counts as missed (${seconds(s.MISFIRE_AFTER)})`,
      'lower CHECK_INTERVAL below MISFIRE_AFTER',
    ],
    [
      s.MISFIRE_AFTER > s.MISFIRE_WINDOW,
      ['MISFIRE_AFTER', 'MISFIRE_WINDOW'],
      'a tick that counts as missed is already too old to run: no misfire policy ever has one to run',
      'raise MISFIRE_WINDOW above MISFIRE_AFTER',
    ],
  ]);
}

function storage(s: Settings): Contradiction[] {
  const buckets = ['S3_CODE_BUCKET', 'S3_LOG_BUCKET', 'S3_STATE_BUCKET', 'S3_QUERY_BUCKET'] as const;
  const shared = [...Map.groupBy(buckets, (name) => s[name])].filter(([, names]) => names.length > 1);
  return [
    ...broken([
      [
        s.LOG_KEEP_DAYS * 24 * HOUR_MS < s.GC_GRACE,
        ['LOG_KEEP_DAYS', 'GC_GRACE'],
        `logs are kept for ${s.LOG_KEEP_DAYS} days, and those of a deleted bot for ${s.GC_GRACE / HOUR_MS} h: they are gone before that`,
        'raise LOG_KEEP_DAYS, or lower GC_GRACE',
      ],
      [
        s.LOG_FLUSH_AFTER > s.LOG_FLUSH_MAX,
        ['LOG_FLUSH_AFTER', 'LOG_FLUSH_MAX'],
        'the log of a quiet bot is saved more rarely than that of one that prints much',
        'raise LOG_FLUSH_MAX to LOG_FLUSH_AFTER or more',
      ],
      [
        s.STATE_SAVE_INTERVAL < s.STATE_CHECK_INTERVAL,
        ['STATE_SAVE_INTERVAL', 'STATE_CHECK_INTERVAL'],
        `state is looked at every ${seconds(s.STATE_CHECK_INTERVAL)}, so it cannot be saved every ${seconds(s.STATE_SAVE_INTERVAL)}`,
        'lower STATE_CHECK_INTERVAL',
      ],
      [
        s.MAX_STATE_FILE_SIZE_MB > s.MAX_STATE_SIZE_MB,
        ['MAX_STATE_FILE_SIZE_MB', 'MAX_STATE_SIZE_MB'],
        'one file may be larger than the whole state: a bot is stopped before its file counts as too large',
        'lower MAX_STATE_FILE_SIZE_MB',
      ],
    ]),
    ...shared.map(([bucket, names]) => ({
      names,
      problem: `all of them are ${JSON.stringify(bucket)}: the sweep of one meets the objects of the other`,
      cure: 'give each a bucket of its own',
    })),
  ];
}

function queries(s: Settings): Contradiction[] {
  return broken([
    [
      s.QUERIES_PER_BOT > s.QUERIES_AT_ONCE,
      ['QUERIES_PER_BOT', 'QUERIES_AT_ONCE'],
      'one bot may be asked more at once than all together: it alone keeps the others from being asked',
      'lower QUERIES_PER_BOT below QUERIES_AT_ONCE',
    ],
    [
      s.QUERY_START > s.QUERY_MAX_TIMEOUT,
      ['QUERY_START', 'QUERY_MAX_TIMEOUT'],
      'a query times out before a program that starts slowly is given up',
      'lower QUERY_START below QUERY_MAX_TIMEOUT',
    ],
    [
      s.QUERY_MEMORY_LIMIT_MB > s.BOT_MEMORY_CEILING_MB,
      ['QUERY_MEMORY_LIMIT_MB', 'BOT_MEMORY_CEILING_MB'],
      'a query program gets more memory than any bot may ask for',
      'lower QUERY_MEMORY_LIMIT_MB, or raise BOT_MEMORY_CEILING_MB',
    ],
  ]);
}

function network(s: Settings): Contradiction[] {
  const off = s.EGRESS_FILTER === 'off';
  const wide = s.EGRESS_ALLOW.filter((range) => covers(range, METADATA));
  return broken([
    [
      off && s.EGRESS_ALLOW.length > 0,
      ['EGRESS_FILTER', 'EGRESS_ALLOW'],
      'the filter is somebody else’s, so EGRESS_ALLOW opens nothing',
      'unset EGRESS_ALLOW, or set EGRESS_FILTER=auto',
    ],
    [
      wide.length > 0,
      ['EGRESS_ALLOW'],
      `${wide.join(', ')} includes the metadata address ${METADATA}, from which bots may get this machine’s credentials`,
      'allow smaller ranges',
    ],
  ]);
}

/** Whether an IPv4 range holds an address. What is no range is refused elsewhere. */
function covers(range: string, address: string): boolean {
  const [network = '', length = '32'] = range.trim().split('/');
  const bits = Number(length);
  if (!isIPv4(network) || !(bits >= 0 && bits <= 32)) return false;
  const size = 2 ** (32 - bits);
  return Math.floor(valueOf(network) / size) === Math.floor(valueOf(address) / size);
}

const valueOf = (address: string): number =>
  address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
