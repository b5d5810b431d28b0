import type { Settings } from '../../infra/config/settings.ts';
import { S3Client, s3Options } from '../../infra/s3/client.ts';
import { S3Denied } from '../../infra/s3/errors.ts';
import { EndpointError, parseEndpoint } from '../../infra/s3/endpoint.ts';
import { probeConditions, type HonouredConditions } from '../../infra/s3/probe.ts';
import { isUnreachable } from '../errors.ts';
import { away, bad, ok, warn, type Check } from './check.ts';
import { httpTime, skewAgainst } from './clock.ts';
import { NoAnswer, PATIENCE_MS, reasonOf, type Probed } from './probed.ts';

/** `conditions`: absent before the first start, which makes the bucket that they are tried in. */
export type S3Facts = {
  where: string;
  bucket: string;
  bucketExists: boolean;
  conditions?: HonouredConditions;
  /** How far this machine's clock is ahead of its, milliseconds, give or take a second. */
  skewMs?: number | undefined;
};

export async function probeS3(settings: Settings, signal: AbortSignal): Promise<S3Facts> {
  using s3 = new S3Client({ ...s3Options(settings), callTimeoutMs: PATIENCE_MS - 500 });
  const bucket = settings.S3_CODE_BUCKET;
  const own = settings.S3_STATE_BUCKET;
  const [bucketExists, ownExists] = await Promise.all(
    [bucket, own].map((each) => s3.bucketExists(each, { signal })),
  );
  const { useSsl } = parseEndpoint(settings.S3_ENDPOINT, settings.S3_USE_SSL);
  const skewMs = await skewAgainst(httpTime(`${useSsl ? 'https' : 'http'}://${s3.endpoint}/`, signal), 1);
  return {
    where: s3.endpoint,
    bucket,
    bucketExists: bucketExists === true,
    skewMs,
    ...(ownExists === true ? { conditions: await probeConditions(s3, own, { signal }) } : {}),
  };
}

/** Whether logs and state are written on condition that nobody else wrote them; see `infra/s3/probe.ts`. */
export function s3ConditionsChecks(probed: Probed<S3Facts>): Check[] {
  const conditions = 'found' in probed ? probed.found.conditions : undefined;
  if (conditions === undefined) return [];
  const name = 's3 conditions';
  const missing = [
    conditions.create ? [] : ['If-None-Match on a put'],
    conditions.replace ? [] : ['If-Match on a put'],
    conditions.complete ? [] : ['If-Match on the end of an upload in parts'],
  ].flat();
  if (missing.length === 0)
    return [ok(name, 'writes of logs and state that came too late are refused by S3')];
  return [
    warn(
      name,
      `S3 passes over ${missing.join(', ')}: a lease in MongoDB stands in, for each log and state`,
      'nothing has to be done; an S3 that keeps to conditions needs fewer calls and no trust in clocks',
    ),
  ];
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
