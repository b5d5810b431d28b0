import { z } from 'zod';
import { setting } from './define.ts';
import {
  decimal,
  durationMs,
  flag,
  flagOrRanges,
  integer,
  list,
  optionalText,
  optionalUrl,
  pairs,
  port,
  text,
} from './schemas.ts';
import { notificationKinds, webhooks } from './webhooks.ts';

/**
 * Every setting of the product, read from environment variables, in the order in which `docs/settings.md` lists them.
 * Durations are milliseconds once parsed; sizes keep the unit in their name.
 */
export const SETTINGS = {
  // --- Servers -------------------------------------------------------------------------------------------------
  MONGO_URI: setting(text('mongodb://localhost:27017'), {
    group: 'Servers',
    unit: 'url',
    secret: true,
    meaning: 'MongoDB: a replica set, so that change streams work',
  }),
  NATS_URL: setting(optionalText(), {
    group: 'Servers',
    unit: 'url',
    secret: true,
    meaning: 'NATS with JetStream; unset: no events are consumed, MongoDB alone steers',
  }),
  REDIS_URL: setting(text('redis://localhost:6379'), {
    group: 'Servers',
    unit: 'url',
    secret: true,
    meaning: 'Redis or Valkey that carries the queues',
  }),
  S3_ENDPOINT: setting(text('localhost:9000'), {
    group: 'Servers',
    unit: 'host:port',
    aliases: ['MINIO_ENDPOINT'],
    meaning: 'S3 endpoint; http:// or https:// may stand before it',
  }),
  S3_ACCESS_KEY: setting(text(''), {
    group: 'Servers',
    unit: '',
    secret: true,
    aliases: ['MINIO_ACCESS_KEY'],
    meaning: 'S3 access key',
  }),
  S3_SECRET_KEY: setting(text(''), {
    group: 'Servers',
    unit: '',
    secret: true,
    aliases: ['MINIO_SECRET_KEY'],
    meaning: 'S3 secret key',
  }),
  S3_USE_SSL: setting(flag(false), {
    group: 'Servers',
    unit: '',
    aliases: ['MINIO_USE_SSL', 'MINIO_SSL'],
    meaning: 'Talk HTTPS to S3',
  }),
  S3_REGION: setting(text('us-east-1'), {
    group: 'Servers',
    unit: '',
    aliases: ['MINIO_REGION'],
    meaning: 'S3 region',
  }),
  S3_CODE_BUCKET: setting(text('custom-bots'), {
    group: 'Servers',
    unit: '',
    aliases: ['MINIO_CODE_BUCKET'],
    meaning: 'Bucket of code archives',
  }),
  S3_LOG_BUCKET: setting(text('bot-logs'), {
    group: 'Servers',
    unit: '',
    aliases: ['MINIO_LOGS_BUCKET'],
    meaning: 'Bucket of bots’ logs; the platform’s API reads it as its LOG_BUCKET',
  }),
  S3_STATE_BUCKET: setting(text('bot-state'), {
    group: 'Servers',
    unit: '',
    aliases: ['MINIO_STATE_BUCKET'],
    meaning: 'Bucket of bots’ state archives',
  }),
  S3_QUERY_BUCKET: setting(text('query-results'), {
    group: 'Servers',
    unit: '',
    aliases: ['MINIO_QUERY_RESULTS_BUCKET'],
    meaning: 'Bucket of query results left by the earlier runtime: only swept',
  }),
  DOCKER_HOST: setting(optionalText(), {
    group: 'Servers',
    unit: 'url',
    meaning: 'Docker Engine; unset: /var/run/docker.sock',
  }),
  DOCKER_TLS_VERIFY: setting(flag(false), {
    group: 'Servers',
    unit: '',
    meaning: 'Talk TLS to a DOCKER_HOST that is an address',
  }),
  DOCKER_CERT_PATH: setting(optionalText(), {
    group: 'Servers',
    unit: 'path',
    meaning:
      'Folder with ca.pem, cert.pem and key.pem for that; if set, TLS it is. The engine’s certificate is verified in any case',
  }),

  // --- Installation --------------------------------------------------------------------------------------------
  INSTALLATION: setting(
    z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,30}$/, 'expected 1 to 31 lower-case letters, digits and "-"')
      .default('the0'),
    {
      group: 'Installation',
      unit: '',
      meaning: 'Name of this installation: prefix and label of all it makes on the engine, and of its queues',
    },
  ),
  MONGO_BOTS_DATABASE: setting(text('bot_runner'), {
    group: 'Installation',
    unit: '',
    meaning: 'Database of the platform’s bot documents',
  }),
  MONGO_SCHEDULES_DATABASE: setting(text('bot_scheduler'), {
    group: 'Installation',
    unit: '',
    meaning: 'Database of the platform’s schedule documents',
  }),
  MONGO_RUNTIME_DATABASE: setting(text('the0_runtime'), {
    group: 'Installation',
    unit: '',
    meaning: 'Database of what the runtime adds: status, leases, tombstones',
  }),
  LOG_LEVEL: setting(
    z
      .string()
      .transform((v) => v.toLowerCase())
      .pipe(z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']))
      .prefault('info'),
    { group: 'Installation', unit: '', meaning: 'Least level that is logged: debug, info, warn or error' },
  ),

  // --- Limits of a bot -----------------------------------------------------------------------------------------
  BOT_MEMORY_LIMIT_MB: setting(integer(512, 16, 1_048_576), {
    group: 'Bot limits',
    unit: 'MB',
    meaning: 'Memory of a bot that does not set config.memory_limit',
  }),
  BOT_MEMORY_CEILING_MB: setting(integer(4096, 16, 1_048_576), {
    group: 'Bot limits',
    unit: 'MB',
    meaning: 'Most memory that config.memory_limit may ask for',
  }),
  BOT_CPU_LIMIT: setting(decimal(1, 0.01, 512), {
    group: 'Bot limits',
    unit: 'cores',
    meaning: 'CPU quota of a bot that does not set config.cpu_limit',
  }),
  BOT_CPU_CEILING: setting(decimal(4, 0.01, 512), {
    group: 'Bot limits',
    unit: 'cores',
    meaning: 'Most CPU that config.cpu_limit may ask for',
  }),
  BOT_CPU_SHARES: setting(integer(512, 2, 262_144), {
    group: 'Bot limits',
    unit: 'shares',
    meaning: 'Relative CPU weight under contention',
  }),
  BOT_PIDS_LIMIT: setting(integer(256, 8, 32_768), {
    group: 'Bot limits',
    unit: 'processes',
    meaning: 'Processes and threads in a bot’s container',
  }),
  BOT_NOFILE_LIMIT: setting(integer(4096, 64, 1_048_576), {
    group: 'Bot limits',
    unit: 'files',
    meaning: 'Open files of a bot’s process',
  }),
  BOT_NPROC_LIMIT: setting(integer(65_536, 64, 1_048_576), {
    group: 'Bot limits',
    unit: 'processes',
    meaning:
      'Processes of uid 1000 as the kernel counts them: over all bots of the host, so keep it well above BOT_PIDS_LIMIT',
  }),
  BOT_TMP_MB: setting(integer(64, 1, 65_536), { group: 'Bot limits', unit: 'MB', meaning: 'Size of /tmp' }),
  BOT_WORKDIR_MB: setting(integer(64, 1, 65_536), {
    group: 'Bot limits',
    unit: 'MB',
    meaning: 'Room for files that a bot writes beside its code, in /bot',
  }),
  BOT_SHM_MB: setting(integer(16, 1, 65_536), {
    group: 'Bot limits',
    unit: 'MB',
    meaning: 'Size of /dev/shm',
  }),
  BOT_BLKIO_WEIGHT: setting(integer(0, 0, 1000), {
    group: 'Bot limits',
    unit: '10-1000',
    shownDefault: '0 (engine’s default)',
    meaning: 'Block-I/O weight, where the host has it',
  }),
  BOT_BLKIO_DEVICE: setting(optionalText(), {
    group: 'Bot limits',
    unit: 'path',
    meaning: 'Block device that the two rates below apply to, such as /dev/sda',
  }),
  BOT_BLKIO_READ_MB: setting(integer(0, 0, 1_048_576), {
    group: 'Bot limits',
    unit: 'MB/s',
    shownDefault: '0 (no limit)',
    meaning: 'Read rate from that device',
  }),
  BOT_BLKIO_WRITE_MB: setting(integer(0, 0, 1_048_576), {
    group: 'Bot limits',
    unit: 'MB/s',
    shownDefault: '0 (no limit)',
    meaning: 'Write rate to that device',
  }),
  BOT_OCI_RUNTIME: setting(optionalText(), {
    group: 'Bot limits',
    unit: '',
    meaning: 'OCI runtime of bots, such as runsc; unset: the engine’s default',
  }),
  BOT_SECCOMP_PROFILE: setting(optionalText(), {
    group: 'Bot limits',
    unit: 'path',
    meaning: 'File with a seccomp profile; unset: the engine’s default profile',
  }),
  BOT_APPARMOR_PROFILE: setting(optionalText(), {
    group: 'Bot limits',
    unit: '',
    meaning: 'AppArmor profile; unset: the engine’s default where the host has AppArmor',
  }),

  // --- Network of bots -----------------------------------------------------------------------------------------
  ALLOW_UNFILTERED_EGRESS: setting(flag(false), {
    group: 'Bot network',
    unit: '',
    meaning: 'Run bots although no filter of ours is in force, without a probe of what they can reach',
  }),
  EGRESS_ALLOW: setting(list(''), {
    group: 'Bot network',
    unit: 'CIDR,…',
    meaning: 'Private addresses that bots may reach all the same',
  }),
  EGRESS_FILTER: setting(z.enum(['auto', 'off']).default('auto'), {
    group: 'Bot network',
    unit: '',
    meaning:
      'auto: install the filter rules where the process is root; off: install none, since somebody else filters, which is probed',
  }),

  // --- Images --------------------------------------------------------------------------------------------------
  IMAGE_PYTHON: setting(text('python:3.11-slim'), {
    group: 'Images',
    unit: 'image',
    meaning: 'Image of python3.11 bots',
  }),
  IMAGE_NODE: setting(text('node:20-slim'), {
    group: 'Images',
    unit: 'image',
    meaning: 'Image of nodejs20 bots',
  }),
  IMAGE_RUST: setting(text('ubuntu:24.04'), {
    group: 'Images',
    unit: 'image',
    meaning: 'Image of rust-stable bots',
  }),
  IMAGE_CPP: setting(text('ubuntu:24.04'), {
    group: 'Images',
    unit: 'image',
    meaning: 'Image of gcc13 and cpp-gcc13 bots',
  }),
  IMAGE_HASKELL: setting(text('haskell:9.6-slim'), {
    group: 'Images',
    unit: 'image',
    meaning: 'Image of ghc96 bots',
  }),
  IMAGE_SCALA: setting(text('eclipse-temurin:17-jre'), {
    group: 'Images',
    unit: 'image',
    meaning: 'Image of scala3 bots',
  }),
  IMAGE_DOTNET: setting(text('mcr.microsoft.com/dotnet/runtime:8.0'), {
    group: 'Images',
    unit: 'image',
    meaning: 'Image of dotnet8 bots',
  }),
  IMAGE_REGISTRY_SERVER: setting(optionalText(), {
    group: 'Images',
    unit: 'host',
    meaning: 'Registry that the credentials below are for',
  }),
  IMAGE_REGISTRY_USERNAME: setting(optionalText(), {
    group: 'Images',
    unit: '',
    meaning: 'User at that registry',
  }),
  IMAGE_REGISTRY_PASSWORD: setting(optionalText(), {
    group: 'Images',
    unit: '',
    secret: true,
    meaning: 'Password at that registry',
  }),

  // --- Code archives -------------------------------------------------------------------------------------------
  CODE_MAX_ARCHIVE_MB: setting(integer(256, 1, 65_536), {
    group: 'Code',
    unit: 'MB',
    meaning: 'Largest code archive as stored',
  }),
  CODE_MAX_UNPACKED_MB: setting(integer(1024, 1, 65_536), {
    group: 'Code',
    unit: 'MB',
    meaning: 'Largest code archive once unpacked',
  }),
  CODE_MAX_ENTRIES: setting(integer(50_000, 1, 10_000_000), {
    group: 'Code',
    unit: 'entries',
    meaning: 'Most entries in a code archive',
  }),
  CODE_MAX_RATIO: setting(integer(200, 2, 100_000), {
    group: 'Code',
    unit: '×',
    meaning: 'Most that an entry of 1 MB or more may grow on unpacking',
  }),
  CODE_UNUSED_HOURS: setting(integer(24, 0, 8760), {
    group: 'Code',
    unit: 'h',
    meaning: 'How long unpacked code that no container uses is kept',
  }),

  // --- Life cycle ----------------------------------------------------------------------------------------------
  RECONCILE_INTERVAL: setting(durationMs('30s'), {
    group: 'Life cycle',
    unit: 'duration',
    shownDefault: '30s',
    meaning: 'Period of the full resync',
  }),
  STOP_GRACE: setting(durationMs('20s'), {
    group: 'Life cycle',
    unit: 'duration',
    shownDefault: '20s',
    meaning: 'Between SIGTERM and SIGKILL to a bot',
  }),
  BACKOFF_FIRST: setting(durationMs('1s'), {
    group: 'Life cycle',
    unit: 'duration',
    shownDefault: '1s',
    meaning: 'First delay after a crash or a failed start; doubles, with full jitter',
  }),
  BACKOFF_MAX: setting(durationMs('5m'), {
    group: 'Life cycle',
    unit: 'duration',
    shownDefault: '5m',
    meaning: 'Longest such delay',
  }),
  STABLE_AFTER: setting(durationMs('10m'), {
    group: 'Life cycle',
    unit: 'duration',
    shownDefault: '10m',
    meaning: 'A bot up for so long has its earlier crashes forgotten',
  }),
  LAST_OUTPUT_LINES: setting(integer(20, 0, 500), {
    group: 'Life cycle',
    unit: 'lines',
    meaning: 'Lines of output kept from a bot that ended',
  }),

  // --- Schedules -----------------------------------------------------------------------------------------------
  CHECK_INTERVAL: setting(durationMs('10s'), {
    group: 'Schedules',
    unit: 'duration',
    shownDefault: '10s',
    meaning: 'Period in which every schedule’s alarm and every open run is looked at',
  }),
  SCHEDULE_TIMEZONE: setting(text('UTC'), {
    group: 'Schedules',
    unit: 'IANA zone',
    meaning: 'Zone of schedules that set no config.timezone',
  }),
  SCHEDULE_MIN_INTERVAL: setting(durationMs('1s'), {
    group: 'Schedules',
    unit: 'duration',
    shownDefault: '1s',
    meaning: 'A schedule may not fire more often',
  }),
  MISFIRE_AFTER: setting(durationMs('15s'), {
    group: 'Schedules',
    unit: 'duration',
    shownDefault: '15s',
    meaning: 'A tick handled so late counts as missed: config.misfire decides about it',
  }),
  MISFIRE_WINDOW: setting(durationMs('24h'), {
    group: 'Schedules',
    unit: 'duration',
    shownDefault: '24h',
    meaning: 'Missed ticks older than this never run, unless config.misfire.window says otherwise',
  }),
  FIRE_ALL_CEILING: setting(integer(100, 1, 10_000), {
    group: 'Schedules',
    unit: 'runs',
    meaning: 'Most missed ticks that the misfire policy fire-all may run',
  }),
  OVERLAP_CEILING: setting(integer(10, 1, 1_000), {
    group: 'Schedules',
    unit: 'runs',
    meaning: 'Most runs at once that the overlap policy allow may ask for',
  }),
  RUN_TIMEOUT: setting(durationMs('24h'), {
    group: 'Schedules',
    unit: 'duration',
    shownDefault: '24h',
    meaning: 'A run that sets no config.timeout is stopped after this',
  }),
  RUN_TIMEOUT_CEILING: setting(durationMs('168h'), {
    group: 'Schedules',
    unit: 'duration',
    shownDefault: '168h',
    meaning: 'Longest config.timeout',
  }),
  RUN_RETRIES_CEILING: setting(integer(10, 0, 1_000), {
    group: 'Schedules',
    unit: 'attempts',
    meaning: 'Most config.retries',
  }),
  RUN_RESULT_KB: setting(integer(64, 1, 4_096), {
    group: 'Schedules',
    unit: 'KB',
    meaning: 'Largest result object that is kept with its run',
  }),
  RUNS_AT_ONCE: setting(integer(50, 1, 10_000), {
    group: 'Schedules',
    unit: 'runs',
    meaning: 'Runs at once in the whole installation; more wait, schedules with few runs first',
  }),
  RUNS_KEEP_DAYS: setting(integer(90, 1, 36_500), {
    group: 'Schedules',
    unit: 'days',
    meaning:
      'Records of runs are kept so long; the last ten of each kind (ran, skipped, by hand) of a schedule always',
  }),
  RUNS_KEEP_COUNT: setting(integer(1_000, 10, 1_000_000), {
    group: 'Schedules',
    unit: 'records',
    meaning:
      'Most records kept of each schedule: so many of ticks that ran, and so many of skipped ones; runs by hand go by age alone',
  }),

  // --- Logs ----------------------------------------------------------------------------------------------------
  LOG_FLUSH_AFTER: setting(durationMs('3s'), {
    group: 'Logs',
    unit: 'duration',
    shownDefault: '3s',
    meaning: 'Output of a bot is saved so soon, while its log of the day is small',
  }),
  LOG_FLUSH_MAX: setting(durationMs('60s'), {
    group: 'Logs',
    unit: 'duration',
    shownDefault: '60s',
    meaning: 'The same for a large log, which costs more to extend',
  }),
  LOG_LINE_KB: setting(integer(64, 1, 1024), {
    group: 'Logs',
    unit: 'KB',
    meaning: 'Longer lines of output are cut, and say so',
  }),
  LOG_RATE_KB: setting(integer(512, 1, 1_048_576), {
    group: 'Logs',
    unit: 'KB/s',
    meaning:
      'Output of one bot that is kept, on average; a minute’s worth may come at once. The rest is counted and left out',
  }),
  LOG_DAY_MB: setting(integer(1024, 1, 1_048_576), {
    group: 'Logs',
    unit: 'MB',
    meaning: 'Output of one bot that is kept in a day; the rest is counted and left out',
  }),
  LOG_ENGINE_MB: setting(integer(30, 3, 1_048_576), {
    group: 'Logs',
    unit: 'MB',
    meaning:
      'The engine’s own log files of each container, in three parts; output that outruns them is told as a gap',
  }),
  LOG_KEEP_DAYS: setting(integer(90, 1, 36_500), {
    group: 'Logs',
    unit: 'days',
    meaning: 'Logs are kept so long',
  }),

  // --- State ---------------------------------------------------------------------------------------------------
  MAX_STATE_SIZE_MB: setting(integer(8_192, 1, 1_048_576), {
    group: 'State',
    unit: 'MB',
    meaning: 'A bot whose state grows beyond it is stopped; config.state_limit may ask for less',
  }),
  MAX_STATE_FILE_SIZE_MB: setting(integer(10, 1, 1_048_576), {
    group: 'State',
    unit: 'MB',
    meaning: 'A larger file of the state is not saved, and named in the bot’s status; the rest is',
  }),
  MAX_STATE_FILES: setting(integer(20_000, 1, 10_000_000), {
    group: 'State',
    unit: 'files',
    meaning: 'A bot whose state has more is stopped; config.state_files may ask for less',
  }),
  STATE_CHECK_INTERVAL: setting(durationMs('10s'), {
    group: 'State',
    unit: 'duration',
    shownDefault: '10s',
    meaning: 'Period in which the state of running bots is measured, and looked at for changes',
  }),
  STATE_SAVE_INTERVAL: setting(durationMs('30s'), {
    group: 'State',
    unit: 'duration',
    shownDefault: '30s',
    meaning: 'State that changes all the time is saved so often',
  }),
  STATE_PLATFORM_INTERVAL: setting(durationMs('60s'), {
    group: 'State',
    unit: 'duration',
    shownDefault: '60s',
    meaning: 'Period in which the bucket is looked at for edits and deletions by the platform',
  }),
  STATE_KEEP_ARCHIVES: setting(integer(5, 0, 1_000), {
    group: 'State',
    unit: 'archives',
    meaning: 'Earlier archives of each bot that are kept',
  }),

  // --- Queries -------------------------------------------------------------------------------------------------
  QUERY_SERVER_HOST: setting(text('127.0.0.1'), {
    group: 'Queries',
    unit: 'address',
    meaning: 'Address of the query server: only the platform should reach it, which sends no token',
  }),
  QUERY_SERVER_PORT: setting(port(9477), {
    group: 'Queries',
    unit: 'port',
    meaning: 'Port of the query server',
  }),
  QUERY_PUBLISHED_HOST: setting(optionalText(), {
    group: 'Queries',
    unit: 'address',
    meaning:
      'In a container: where the port of the query server is published; by it is judged who reaches it. Unset: QUERY_SERVER_HOST',
  }),
  QUERY_TOKEN: setting(optionalText(), {
    group: 'Queries',
    unit: '',
    secret: true,
    meaning: 'Where set, queries must bring it as a bearer token; the platform’s API brings none',
  }),
  QUERY_IDLE: setting(durationMs('5m'), {
    group: 'Queries',
    unit: 'duration',
    shownDefault: '5m',
    meaning: 'A query container that nobody asks is stopped after this',
  }),
  QUERY_START: setting(durationMs('20s'), {
    group: 'Queries',
    unit: 'duration',
    shownDefault: '20s',
    meaning: 'A query program that does not listen by then is run anew for each query',
  }),
  QUERY_NETWORK_POOL: setting(text('198.18.0.0/16'), {
    group: 'Queries',
    unit: 'range',
    meaning:
      'IPv4 range of the internal networks of query containers; choose another where this one is in use',
  }),
  QUERY_MEMORY_LIMIT_MB: setting(integer(256, 16, 1_048_576), {
    group: 'Queries',
    unit: 'MB',
    meaning: 'Memory of a query container',
  }),
  QUERIES_PER_BOT: setting(integer(8, 1, 1_000), {
    group: 'Queries',
    unit: 'queries',
    meaning: 'Queries at once of one bot; more are refused with 429',
  }),
  QUERIES_AT_ONCE: setting(integer(64, 1, 10_000), {
    group: 'Queries',
    unit: 'queries',
    meaning: 'Queries at once in all',
  }),
  QUERY_CONTAINERS: setting(integer(100, 1, 10_000), {
    group: 'Queries',
    unit: 'containers',
    meaning: 'Query containers at once in all; the one longest unused makes room',
  }),
  QUERY_MAX_TIMEOUT: setting(durationMs('5m'), {
    group: 'Queries',
    unit: 'duration',
    shownDefault: '5m',
    meaning: 'Longest timeout_sec of a query; more is taken for this',
  }),
  QUERY_ANSWER_MB: setting(integer(8, 1, 1_024), {
    group: 'Queries',
    unit: 'MB',
    meaning: 'Largest answer of a bot',
  }),

  // --- Garbage collection --------------------------------------------------------------------------------------
  GC_INTERVAL: setting(durationMs('5m'), {
    group: 'Garbage collection',
    unit: 'duration',
    shownDefault: '5m',
    meaning: 'Period of the sweeps',
  }),
  // What says that a bot was deleted is kept for 30 days.
  GC_GRACE: setting(durationMs('24h', '480h'), {
    group: 'Garbage collection',
    unit: 'duration',
    shownDefault: '24h',
    meaning: 'Logs and state of a deleted bot are kept so long; 480h at most',
  }),
  GC_MAX_SHARE: setting(integer(25, 1, 100), {
    group: 'Garbage collection',
    unit: '%',
    meaning:
      'A sweep that would delete the data of a larger share of all bots deletes nothing and says so (10 bots may always go)',
  }),
  GC_IMAGE_DAYS: setting(integer(0, 0, 36_500), {
    group: 'Garbage collection',
    unit: 'days',
    shownDefault: '0 (never)',
    meaning: 'Images that this installation pulled and no container used for so long are removed',
  }),

  // --- Notifications -------------------------------------------------------------------------------------------
  NOTIFY_URLS: setting(webhooks(), {
    group: 'Notifications',
    unit: 'url,…',
    secret: true,
    meaning:
      'Where problems are posted to as JSON; unset: nowhere. A fragment names the kinds that one of them wants: https://host/path#failed+capacity',
  }),
  NOTIFY_KINDS: setting(notificationKinds(), {
    group: 'Notifications',
    unit: 'kind,…',
    meaning: 'What is posted to those that name no kinds',
  }),
  NOTIFY_SECRET: setting(optionalText(), {
    group: 'Notifications',
    unit: '',
    secret: true,
    meaning: 'Key that messages are signed with (16 characters or more); unset: they are not signed',
  }),
  NOTIFY_SECRET_PREVIOUS: setting(optionalText(), {
    group: 'Notifications',
    unit: '',
    secret: true,
    meaning: 'The key before that one: messages are signed with both until all receivers have the new one',
  }),
  NOTIFY_CRASHES: setting(integer(5, 2, 1_000), {
    group: 'Notifications',
    unit: 'failures',
    meaning:
      'A bot that failed so many times in a row, or a schedule whose runs did, is told as a crash loop',
  }),
  NOTIFY_WINDOW: setting(durationMs('10m'), {
    group: 'Notifications',
    unit: 'duration',
    shownDefault: '10m',
    meaning:
      'What was not seen for so long is over; what comes back before is the same problem, and not told again',
  }),
  NOTIFY_RETRY_FOR: setting(durationMs('24h'), {
    group: 'Notifications',
    unit: 'duration',
    shownDefault: '24h',
    meaning: 'How long a message that is not taken is sent again, less and less often',
  }),
  DASHBOARD_URL: setting(optionalUrl(), {
    group: 'Notifications',
    unit: 'url',
    meaning: 'Address at which people reach the dashboard, for the link in messages; unset: no link',
  }),

  // --- Processors ----------------------------------------------------------------------------------------------
  ENGINE_CONCURRENCY: setting(integer(4, 1, 64), {
    group: 'Processors',
    unit: 'calls',
    meaning: 'Starts at once on the engine (create, fill, start), by all processes of the installation',
  }),
  QUEUE_CONCURRENCY: setting(integer(32, 1, 1024), {
    group: 'Processors',
    unit: 'jobs',
    meaning: 'Jobs at once per queue and process; slow pulls and stops wait here, not on the engine',
  }),
  DRAIN_DEADLINE: setting(durationMs('25s'), {
    group: 'Processors',
    unit: 'duration',
    shownDefault: '25s',
    meaning: 'How long work in hand may take after SIGTERM',
  }),

  // --- Usage ---------------------------------------------------------------------------------------------------
  USAGE_INTERVAL: setting(durationMs('15s'), {
    group: 'Usage',
    unit: 'duration',
    shownDefault: '15s',
    meaning: 'Period in which it is measured what bots and runs use; 1s at least, 0 for not at all',
  }),

  // --- Faces ---------------------------------------------------------------------------------------------------
  HEALTH_HOST: setting(text('127.0.0.1'), {
    group: 'Faces',
    unit: 'address',
    meaning: 'Address of /healthz, /readyz and /metrics',
  }),
  HEALTH_PORT: setting(port(8080), {
    group: 'Faces',
    unit: 'port',
    meaning: 'Port of /healthz, /readyz and /metrics of bot-runner and up',
  }),
  SCHEDULER_HEALTH_PORT: setting(port(8082), {
    group: 'Faces',
    unit: 'port',
    meaning: 'The same of bot-scheduler',
  }),
  PROCESSOR_HEALTH_PORT: setting(port(8086), {
    group: 'Faces',
    unit: 'port',
    meaning: 'The same of a lone processor',
  }),
  GC_HEALTH_PORT: setting(port(8084), {
    group: 'Faces',
    unit: 'port',
    meaning: 'The same of gc',
  }),
  QUERY_HEALTH_PORT: setting(port(8088), {
    group: 'Faces',
    unit: 'port',
    meaning: 'The same of query-server; its own port answers /health as well',
  }),
  CONTROL_HEALTH_PORT: setting(port(8092), {
    group: 'Faces',
    unit: 'port',
    meaning: 'The same of controller',
  }),
  METRICS_NAME_BOTS: setting(flag(false), {
    group: 'Faces',
    unit: '',
    meaning: 'One series more in /metrics for each bot in trouble, with its id (500 at most)',
  }),
  CONTROL_HOST: setting(text('127.0.0.1'), {
    group: 'Faces',
    unit: 'address',
    aliases: ['DASHBOARD_HOST'],
    meaning:
      'Address of the control API over HTTP (JSON, gRPC-Web) and of the dashboard; with another one than loopback a token has to exist',
  }),
  CONTROL_PORT: setting(port(8090), {
    group: 'Faces',
    unit: 'port',
    aliases: ['DASHBOARD_PORT'],
    meaning: 'Port of the control API over HTTP, and of the dashboard',
  }),
  GRPC_HOST: setting(text('127.0.0.1'), {
    group: 'Faces',
    unit: 'address',
    meaning: 'Address of the control API over gRPC; with another one than loopback a token has to exist',
  }),
  GRPC_PORT: setting(port(50_051), {
    group: 'Faces',
    unit: 'port',
    meaning: 'Port of the control API over gRPC',
  }),
  CONTROL_TLS_CERT_FILE: setting(optionalText(), {
    group: 'Faces',
    unit: 'path',
    meaning: 'Certificate chain (PEM) with which the control API and the dashboard are served by TLS',
  }),
  CONTROL_TLS_KEY_FILE: setting(optionalText(), {
    group: 'Faces',
    unit: 'path',
    meaning: 'Its key (PEM); both or neither',
  }),
  CONTROL_BEHIND_PROXY: setting(flagOrRanges(false), {
    group: 'Faces',
    unit: '1, CIDR,…',
    meaning:
      'A proxy in front speaks TLS and sets X-Forwarded-For and X-Forwarded-Proto: believed of whoever connects (1), or of these addresses and ranges',
  }),
  DASHBOARD_SESSION_IDLE: setting(durationMs('8h', '720h'), {
    group: 'Faces',
    unit: 's',
    shownDefault: '8h',
    meaning: 'A browser that asks for nothing for so long is logged out',
  }),
  DASHBOARD_SESSION_MAX: setting(durationMs('24h', '720h'), {
    group: 'Faces',
    unit: 's',
    shownDefault: '24h',
    meaning: 'A browser is logged out after so long in any case, and when its token ends',
  }),
  THE0_SERVER: setting(optionalText(), {
    group: 'Faces',
    unit: 'url',
    meaning:
      'Control API that commands talk to: https://host:8090 or http://…, or by gRPC grpcs://host:50051 or grpc://…; unset: they do it themselves, on the servers named here',
  }),
  THE0_TOKEN: setting(optionalText(), {
    group: 'Faces',
    unit: '',
    secret: true,
    meaning: 'Token with which they call it; the0-runtime tokens create makes one',
  }),
  THE0_CA_FILE: setting(optionalText(), {
    group: 'Faces',
    unit: 'path',
    meaning: 'Certificates (PEM) that are trusted for it besides those of the machine',
  }),
  UP_FILE: setting(optionalText(), {
    group: 'Faces',
    unit: 'path',
    meaning:
      'Where a running up leaves its addresses for the other commands of its clone; unset: .data/up.json there',
  }),

  // --- Traces --------------------------------------------------------------------------------------------------
  OTEL_EXPORTER_OTLP_ENDPOINT: setting(optionalUrl(), {
    group: 'Traces',
    unit: 'url',
    meaning:
      'Collector of traces that takes OTLP over HTTP, such as http://localhost:4318; unset: nothing is traced',
  }),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: setting(optionalUrl(), {
    group: 'Traces',
    unit: 'url',
    meaning: 'The same as a whole address, where its path is not /v1/traces; outranks the former',
  }),
  OTEL_EXPORTER_OTLP_HEADERS: setting(pairs(), {
    group: 'Traces',
    unit: 'name=value,…',
    shownDefault: '',
    secret: true,
    meaning: 'Headers that the collector asks for; values URL-encoded',
  }),
  OTEL_EXPORTER_OTLP_PROTOCOL: setting(
    z
      .enum(['http/protobuf'], {
        error: 'only http/protobuf is spoken, which collectors take on port 4318',
      })
      .default('http/protobuf'),
    { group: 'Traces', unit: '', meaning: 'How spans are sent: there is only one way' },
  ),
  OTEL_SDK_DISABLED: setting(flag(false), {
    group: 'Traces',
    unit: '',
    meaning: 'Trace nothing, whatever else is set',
  }),
  OTEL_TRACES_EXPORTER: setting(z.enum(['otlp', 'none']).default('otlp'), {
    group: 'Traces',
    unit: '',
    meaning: 'none: the same',
  }),
  OTEL_SERVICE_NAME: setting(optionalText(), {
    group: 'Traces',
    unit: '',
    meaning: 'Name in traces; unset: the0- and the command, such as the0-bot-runner',
  }),
  OTEL_RESOURCE_ATTRIBUTES: setting(pairs(), {
    group: 'Traces',
    unit: 'name=value,…',
    shownDefault: '',
    meaning: 'What every span says of this process besides; values URL-encoded',
  }),
  OTEL_TRACES_SAMPLER: setting(
    z
      .enum([
        'always_on',
        'always_off',
        'traceidratio',
        'parentbased_always_on',
        'parentbased_always_off',
        'parentbased_traceidratio',
      ])
      .default('parentbased_always_on'),
    {
      group: 'Traces',
      unit: '',
      meaning:
        'Which traces are made; parentbased: where a publisher sends a traceparent, it decides for its own',
    },
  ),
  OTEL_TRACES_SAMPLER_ARG: setting(decimal(1, 0, 1), {
    group: 'Traces',
    unit: 'share',
    meaning: 'Share of all traces that a sampler with traceidratio makes',
  }),
  TRACES_PER_SECOND: setting(integer(20, 0, 1_000_000), {
    group: 'Traces',
    unit: 'traces/s',
    meaning:
      'Most traces that a process begins a second, publishers’ included, so that a storm of transitions costs no more; 0: no limit',
  }),
  OTEL_BSP_SCHEDULE_DELAY: setting(integer(5_000, 10, 600_000), {
    group: 'Traces',
    unit: 'ms',
    meaning: 'Spans are sent so often, together',
  }),
  OTEL_BSP_MAX_QUEUE_SIZE: setting(integer(2_048, 1, 1_000_000), {
    group: 'Traces',
    unit: 'spans',
    meaning: 'Spans that wait to be sent; more are dropped',
  }),
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: setting(integer(512, 1, 100_000), {
    group: 'Traces',
    unit: 'spans',
    meaning: 'Most spans that are sent at once, and as soon as there are so many',
  }),
  TRACE_VIEWER_URL: setting(
    optionalUrl().refine((value) => value === undefined || value.includes('{traceId}'), {
      error: 'expected an address with {traceId} in it, such as https://jaeger.example/trace/{traceId}',
    }),
    {
      group: 'Traces',
      unit: 'url',
      meaning: 'Where people look at a trace, with {traceId} in its place: bots link to theirs',
    },
  ),
} as const;

export type SettingName = keyof typeof SETTINGS;
export type Settings = { readonly [Name in SettingName]: z.output<(typeof SETTINGS)[Name]['schema']> };

/** Names of the reference that would undo a promise of ours: they have no effect, and the log says once what replaces them. */
export const RETIRED: Readonly<Record<string, string>> = {
  DOCKER_NETWORK:
    'bots run on a filtered network of their own installation; EGRESS_ALLOW opens single private addresses',
  MINIO_CONTAINER_ENDPOINT: 'bots hold no storage credentials: code and state are carried by the runtime',
  DEV_RUNTIME_PATH: 'nothing of the runtime runs inside a bot’s container',
  DASHBOARD_TOKEN: 'whoever may call the control API logs in with the same token: the0-runtime tokens create',
  DASHBOARD_TOKEN_FILE: 'as DASHBOARD_TOKEN',
  RUNTIME_IMAGE: 'each language has an image of its own: IMAGE_PYTHON, IMAGE_NODE, …',
};

/** Names of the reference that it read and that decide nothing here: accepted in silence. */
export const IGNORED: readonly string[] = [
  'TEMP_DIR',
  'MAX_RETRIES',
  'MAX_BOTS_PER_PARTITION',
  'MAX_BOT_SCHEDULE_PER_PARTITION',
  'RUNTIME_MODE',
];
