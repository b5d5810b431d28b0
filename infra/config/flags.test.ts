import { expect, it } from 'vitest';
import { retiredFlags, withFlags } from './flags.ts';
import { loadSettings } from './load.ts';

it('lays the reference’s flags over the environment, older names of a setting included', () => {
  const environment = { RECONCILE_INTERVAL: '30s', MINIO_ENDPOINT: 'old:9000' };
  const flags = { reconcileInterval: '7s', minioEndpoint: 'new:9000', runtimeImage: 'x' };
  expect(loadSettings(withFlags(environment, flags))).toMatchObject({
    RECONCILE_INTERVAL: 7_000,
    S3_ENDPOINT: 'new:9000',
  });
});

it('names the flags that have no effect, where they were given', () => {
  expect(retiredFlags({ mongoUri: 'mongodb://x' })).toEqual([]);
  expect(
    retiredFlags({ namespace: 'the0', runtimeImagePullPolicy: 'Never' }).map(({ name }) => name),
  ).toEqual(['--namespace', '--runtime-image-pull-policy']);
});
