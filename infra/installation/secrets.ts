/** What a single-host installation keeps secret: file names below `secrets/`, and what is in each. */
export type InstallationSecrets = Readonly<Record<SecretFile, string>>;

export const SECRET_FILES = [
  'mongo_key',
  'mongo_uri',
  'redis_conf',
  'redis_url',
  'nats_conf',
  'nats_url',
  's3_config',
  's3_access_key',
  's3_secret_key',
  'platform_nats_url',
  'platform_s3_access_key',
  'platform_s3_secret_key',
] as const;
export type SecretFile = (typeof SECRET_FILES)[number];

/** MongoDB takes 6 to 1024 base64 characters. */
const KEY_BYTES = 512;
/** Safe in a URL, a quoted string and JSON alike. */
const SECRET_BYTES = 24;

/**
 * New secrets for the servers of `infra/compose.yaml`. The platform has a user of its own at NATS and at S3, whose addresses
 * and keys are in the `platform_…` files: nothing here uses those.
 */
export function newSecrets(randomBytes: (size: number) => Buffer): InstallationSecrets {
  const secret = (): string => randomBytes(SECRET_BYTES).toString('base64url');
  const redis = secret();
  const [runtime, platform] = [secret(), secret()];
  const s3 = { access: `the0${randomBytes(8).toString('hex')}`, secret: secret() };
  const platformS3 = { access: `platform${randomBytes(8).toString('hex')}`, secret: secret() };
  return {
    mongo_key: randomBytes(KEY_BYTES).toString('base64'),
    mongo_uri: `mongodb://the0:${secret()}@mongo:27017/?replicaSet=rs0&authSource=admin`,
    redis_conf: [
      'dir /data',
      'save ""',
      'appendonly yes',
      'maxmemory-policy noeviction',
      'hz 500',
      `requirepass ${redis}`,
      '',
    ].join('\n'),
    redis_url: `redis://:${redis}@redis:6379`,
    nats_conf: [
      'port: 4222',
      'max_payload: 4MB',
      'jetstream { store_dir: "/data", sync_interval: always }',
      'authorization {',
      '  users = [',
      `    { user: "runtime", password: "${runtime}" }`,
      `    { user: "platform", password: "${platform}" }`,
      '  ]',
      '}',
      '',
    ].join('\n'),
    nats_url: `nats://runtime:${runtime}@nats:4222`,
    s3_config: JSON.stringify({
      identities: [
        identity('runtime', s3, ['Admin', 'Read', 'Write', 'List', 'Tagging']),
        identity('platform', platformS3, ['Admin', 'Read', 'Write', 'List', 'Tagging']),
      ],
    }),
    s3_access_key: s3.access,
    s3_secret_key: s3.secret,
    platform_nats_url: `nats://platform:${platform}@PLATFORM_HOST:4222`,
    platform_s3_access_key: platformS3.access,
    platform_s3_secret_key: platformS3.secret,
  };
}

function identity(name: string, key: { access: string; secret: string }, actions: readonly string[]) {
  return { name, credentials: [{ accessKey: key.access, secretKey: key.secret }], actions };
}
