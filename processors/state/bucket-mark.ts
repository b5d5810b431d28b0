import { randomUUID } from 'node:crypto';
import { DUPLICATE_KEY } from '../../infra/mongo/duplicate-key.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import { ConditionFailed, ObjectMissing, S3Error } from '../../infra/s3/errors.ts';
import type { S3Client } from '../../infra/s3/client.ts';

/** Sorts before every bot's archive and is no id. */
const KEY = '.the0-bucket';
const MAX_BYTES = 256;
const KNOWN_MS = 30_000;

/** An archive is missing, and so is what would show that this is the bucket in which it was: nothing follows from that. */
export class WrongBucket extends S3Error {
  override readonly name = 'WrongBucket';
  constructor(bucket: string, mark: string) {
    super(
      'wrong_bucket',
      `The bucket ${JSON.stringify(bucket)} is not the one in which states were saved, or it was emptied: look at S3_ENDPOINT and ` +
        `S3_STATE_BUCKET, or bring its objects back. To take it as it is, with states that are missing given up, put an object ${KEY} with the text ${mark} into it`,
    );
  }
}

export type BucketMarkOptions = {
  s3: Pick<S3Client, 'conditional'>;
  bucket: string;
  installation: Collections['installation'];
  now: () => number;
};

/**
 * Tells the installation's own bucket of states from an empty or a wrong one, by an object whose text is on record. An archive
 * that is gone from the right bucket was deleted by somebody, and its bot starts empty; from another one, nothing is concluded.
 */
export class BucketMark {
  readonly #options: BucketMarkOptions;
  #oursUntilMs = -Infinity;

  constructor(options: BucketMarkOptions) {
    this.#options = options;
  }

  /** Marks the bucket if the installation has not marked one yet. The mark is never made a second time. */
  async ensure(signal: AbortSignal): Promise<string> {
    const { installation, bucket, s3, now } = this.#options;
    const known = await installation.findOne({ _id: 'state-bucket' });
    if (known !== null) return known.value;
    // The object first: on record it stands for what is there.
    await s3.conditional
      .write(bucket, KEY, Buffer.from(randomUUID()), { ifEtag: null, contentType: 'text/plain', signal })
      .catch((error: unknown) => {
        if (!(error instanceof ConditionFailed)) throw error;
      });
    const value = (await this.#read(signal)) ?? '';
    await installation
      .insertOne({ _id: 'state-bucket', value, at: new Date(now()) })
      .catch((error: unknown) => {
        if ((error as { code?: unknown }).code !== DUPLICATE_KEY) throw error;
      });
    return (await installation.findOne({ _id: 'state-bucket' }))?.value ?? value;
  }

  /** @throws WrongBucket */
  async assertOurs(signal: AbortSignal): Promise<void> {
    if (performance.now() < this.#oursUntilMs) return;
    const value = await this.ensure(signal);
    if ((await this.#read(signal)) !== value) throw new WrongBucket(this.#options.bucket, value);
    this.#oursUntilMs = performance.now() + KNOWN_MS;
  }

  async #read(signal: AbortSignal): Promise<string | undefined> {
    const { s3, bucket } = this.#options;
    try {
      const { content } = await s3.conditional.read(bucket, KEY, { maxBytes: MAX_BYTES, signal });
      return content.toString('utf8').trim();
    } catch (error) {
      if (error instanceof ObjectMissing) return undefined;
      throw error;
    }
  }
}
