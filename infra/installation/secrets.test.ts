import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { newSecrets, SECRET_FILES } from './secrets.ts';

it('are another set each time, and nothing in them is a word that somebody could guess', () => {
  const [one, other] = [newSecrets(randomBytes), newSecrets(randomBytes)];
  expect(Object.keys(one).sort()).toEqual([...SECRET_FILES].sort());
  for (const file of SECRET_FILES) expect(one[file], file).not.toBe(other[file]);
});

it('agree with each other', () => {
  const secrets = newSecrets(randomBytes);
  const redis = new URL(secrets.redis_url).password;
  expect(secrets.redis_conf).toContain(`requirepass ${redis}\n`);
  for (const url of [secrets.nats_url, secrets.platform_nats_url]) {
    const { username, password } = new URL(url);
    expect(secrets.nats_conf).toContain(`{ user: "${username}", password: "${password}" }`);
  }
  const { identities } = JSON.parse(secrets.s3_config) as {
    identities: { credentials: { accessKey: string; secretKey: string }[] }[];
  };
  expect(identities.flatMap(({ credentials }) => credentials)).toEqual([
    { accessKey: secrets.s3_access_key, secretKey: secrets.s3_secret_key },
    { accessKey: secrets.platform_s3_access_key, secretKey: secrets.platform_s3_secret_key },
  ]);
});

it('fit where they are put', () => {
  const secrets = newSecrets(randomBytes);
  expect(secrets.mongo_key).toMatch(/^[A-Za-z0-9+/=]{6,1024}$/);
  expect(new URL(secrets.mongo_uri).password).toMatch(/^[A-Za-z0-9_-]{32}$/);
  expect(secrets.s3_access_key).toMatch(/^[A-Za-z0-9]{20}$/);
});
