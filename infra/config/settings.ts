import { z } from 'zod';
import { setting } from './define.ts';
import { decimal, durationMs, flag, integer, list, optionalText, port, text } from './schemas.ts';

/**
 * Every setting of the product, read from environment variables, in the order in which the README lists them.
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
  DOCKER_HOST: setting(optionalText(), {
    group: 'Servers',
    unit: 'url',
    meaning: 'Docker Engine; unset: /var/run/docker.sock',
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
    meaning:
      'Run bots although they can reach the metadata address because the filter could not be installed',
  }),
  EGRESS_ALLOW: setting(list(''), {
    group: 'Bot network',
    unit: 'CIDR,…',
    meaning: 'Private addresses that bots may reach all the same',
  }),
  EGRESS_FILTER: setting(z.enum(['auto', 'off']).default('auto'), {
    group: 'Bot network',
    unit: '',
    meaning: 'auto: install the filter rules where the process is root; off: somebody else filters',
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

  // --- Processors ----------------------------------------------------------------------------------------------
  ENGINE_CONCURRENCY: setting(integer(4, 1, 64), {
    group: 'Processors',
    unit: 'calls',
    meaning: 'Starts at once on the engine (create, fill, start), per process',
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
  PROCESSOR_HEALTH_PORT: setting(port(8086), {
    group: 'Faces',
    unit: 'port',
    meaning: 'The same of a lone processor',
  }),
  DASHBOARD_HOST: setting(text('127.0.0.1'), {
    group: 'Faces',
    unit: 'address',
    meaning: 'Address of the dashboard',
  }),
  DASHBOARD_PORT: setting(port(8090), { group: 'Faces', unit: 'port', meaning: 'Port of the dashboard' }),
  DASHBOARD_TOKEN: setting(optionalText(), {
    group: 'Faces',
    unit: '',
    secret: true,
    meaning:
      'Token of the dashboard’s login (16 characters or more); without it the dashboard refuses to start',
  }),
  UP_FILE: setting(optionalText(), {
    group: 'Faces',
    unit: 'path',
    meaning:
      'Where a running up leaves its addresses for the other commands of its clone; unset: .data/up.json there',
  }),
} as const;

export type SettingName = keyof typeof SETTINGS;
export type Settings = { readonly [Name in SettingName]: z.output<(typeof SETTINGS)[Name]['schema']> };

/** Names of the reference that would undo a promise of ours: they have no effect, and the log says once what replaces them. */
export const RETIRED: Readonly<Record<string, string>> = {
  DOCKER_NETWORK:
    'bots run on a filtered network of their own installation; EGRESS_ALLOW opens single private addresses',
  MINIO_CONTAINER_ENDPOINT: 'bots hold no storage credentials: code and state are carried by the runtime',
  DEV_RUNTIME_PATH: 'nothing of the runtime runs inside a bot’s container',
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
