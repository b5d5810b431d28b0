/**
 * What can go wrong with S3. All are circumstances, not faults of the caller's data: `retryable` is true for every
 * one, since an object may be uploaded, a bucket made or a key mended while nothing of ours changes.
 */
export class S3Error extends Error {
  override readonly name: string = 'S3Error';
  readonly code: string;
  readonly retryable: boolean = true;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The bucket is there, the key is not. */
export class ObjectMissing extends S3Error {
  override readonly name = 'ObjectMissing';
  constructor(bucket: string, key: string, options?: ErrorOptions) {
    super(
      'object_missing',
      `There is no object ${JSON.stringify(key)} in bucket ${JSON.stringify(bucket)}`,
      options,
    );
  }
}

/** There is no such bucket (or its name is not one that S3 allows). */
export class BucketMissing extends S3Error {
  override readonly name = 'BucketMissing';
  constructor(bucket: string, options?: ErrorOptions) {
    super(
      'bucket_missing',
      `There is no bucket ${JSON.stringify(bucket)}: create it, or name the right one in the settings`,
      options,
    );
  }
}

/** S3 answered and refused: wrong or absent keys, or no permission. */
export class S3Denied extends S3Error {
  override readonly name = 'S3Denied';
  constructor(what: string, answer: string, options?: ErrorOptions) {
    super(
      's3_denied',
      `S3 refused to ${what} (${answer}): check S3_ACCESS_KEY, S3_SECRET_KEY and S3_REGION`,
      options,
    );
  }
}

/** S3 cannot be reached, answered with a fault of its own, or took too long. */
export class S3Unavailable extends S3Error {
  override readonly name = 'S3Unavailable';
  constructor(message: string, options?: ErrorOptions) {
    super('s3_unavailable', message, options);
  }
}

/** The object holds more bytes than the caller allows. Not retryable: the object has to change. */
export class ObjectTooLarge extends S3Error {
  override readonly name = 'ObjectTooLarge';
  override readonly retryable = false;
  readonly bytes: number;
  constructor(key: string, bytes: number, maxBytes: number) {
    super(
      'object_too_large',
      `The object ${JSON.stringify(key)} holds at least ${bytes} bytes, ${maxBytes} are allowed`,
    );
    this.bytes = bytes;
  }
}

/** The bytes came, but could not be written to the local file: no room, most likely. */
export class DownloadNotStored extends S3Error {
  override readonly name = 'DownloadNotStored';
  constructor(key: string, options: { cause: unknown }) {
    super(
      'download_not_stored',
      `The object ${JSON.stringify(key)} could not be stored in a temporary file: ${describe(options.cause)}`,
      options,
    );
  }
}

/** The object is not any more (or not yet) what the call was made on condition of: somebody else was quicker. */
export class ConditionFailed extends S3Error {
  override readonly name = 'ConditionFailed';
  constructor(bucket: string, key: string, options?: ErrorOptions) {
    super(
      'condition_failed',
      `The object ${JSON.stringify(key)} in bucket ${JSON.stringify(bucket)} was changed by somebody else`,
      options,
    );
  }
}

/** Where an error came from: for the message, and to tell a missing key from a missing bucket. */
export type CallContext = { what: string; endpoint: string; bucket: string; key?: string };

const DENIED = new Set([
  'AccessDenied',
  'AllAccessDisabled',
  'AuthorizationHeaderMalformed',
  'ExpiredToken',
  'InvalidAccessKeyId',
  'InvalidToken',
  'NotSignedUp',
  'SignatureDoesNotMatch',
]);

/** Turns whatever the client library threw into one of the classes above. */
export function classify(error: unknown, context: CallContext): S3Error {
  if (error instanceof S3Error) return error;
  const code = codeOf(error);
  const cause = { cause: error };
  if (code === 'NoSuchBucket' || code === 'InvalidBucketName' || nameOf(error) === 'InvalidBucketNameError')
    return new BucketMissing(context.bucket, cause);
  // HEAD has no body, so the server cannot say NoSuchKey there: its 404 is reported as NotFound.
  if (code === 'NoSuchKey' || code === 'NotFound' || nameOf(error) === 'InvalidObjectNameError')
    return context.key === undefined
      ? new BucketMissing(context.bucket, cause)
      : new ObjectMissing(context.bucket, context.key, cause);
  // 409 is what S3 answers to the second of two conditional writes that meet.
  if (code === 'PreconditionFailed' || code === 'ConditionalRequestConflict')
    return new ConditionFailed(context.bucket, context.key ?? '', cause);
  if (DENIED.has(code)) return new S3Denied(context.what, code, cause);
  if (code === 'RequestTimeTooSkewed')
    return new S3Unavailable(
      `S3 at ${context.endpoint} refused to ${context.what}: the clocks of this machine and of S3 differ too much`,
      cause,
    );
  return new S3Unavailable(`S3 at ${context.endpoint} could not ${context.what}: ${describe(error)}`, cause);
}

export function isMissing(error: unknown): error is ObjectMissing | BucketMissing {
  return error instanceof ObjectMissing || error instanceof BucketMissing;
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : '';
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.constructor.name : '';
}

/** Node's connection errors may have an empty message (several addresses tried): the code says more then. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return [codeOf(error), error.message].filter((part) => part !== '').join(' ') || error.constructor.name;
}
