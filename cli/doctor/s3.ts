import type { Settings } from '../../infra/config/settings.ts';
import { S3Client, s3Options } from '../../infra/s3/client.ts';
import { EndpointError } from '../../infra/s3/endpoint.ts';
import { S3Denied } from '../../infra/s3/errors.ts';
import { isUnreachable } from '../errors.ts';
import { away, bad, ok, type Check } from './check.ts';
import { NoAnswer, PATIENCE_MS, reasonOf, type Probed } from './probed.ts';

export type S3Facts = { where: string; bucket: string; bucketExists: boolean };

export async function probeS3(settings: Settings, signal: AbortSignal): Promise<S3Facts> {
  using s3 = new S3Client({ ...s3Options(settings), callTimeoutMs: PATIENCE_MS - 500 });
  const bucket = settings.S3_CODE_BUCKET;
  return { where: s3.endpoint, bucket, bucketExists: await s3.bucketExists(bucket, { signal }) };
}

export function s3Check(probed: Probed<S3Facts>): Check {
  const name = 's3';
  if ('found' in probed) {
    const { where, bucket, bucketExists } = probed.found;
    return bucketExists
      ? ok(name, `S3 at ${where}, bucket ${bucket}`)
      : bad(
          name,
          `S3 at ${where} has no bucket ${bucket}: no bot’s code can be fetched`,
          'name the platform’s bucket in S3_CODE_BUCKET, or create it (`deploy` does so)',
        );
  }
  const { error } = probed;
  const reason = reasonOf(error);
  if (error instanceof EndpointError) return bad(name, reason, 'correct S3_ENDPOINT');
  if (error instanceof S3Denied)
    return bad(name, reason, 'check S3_ACCESS_KEY, S3_SECRET_KEY and their rights on the bucket');
  if (error instanceof NoAnswer || isUnreachable(error))
    return away(name, `it cannot be reached: ${reason}`, 'start it, or correct S3_ENDPOINT');
  return bad(name, reason, 'check S3_ENDPOINT');
}
