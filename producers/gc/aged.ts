import type { IncompleteUpload } from '../../infra/s3/bulk.ts';
import type { Findings, GcKind } from '../../model/gc-report.ts';
import { BucketMissing } from '../../infra/s3/errors.ts';
import type { Buckets, ObjectStore } from './bot-data.ts';
import type { BucketKind } from './keys.ts';
import type { Aged } from './survey.ts';

type Work = {
  s3: ObjectStore;
  buckets: Buckets;
  findings: Findings;
  signal: AbortSignal;
  onProgress?: ((text: string) => void) | undefined;
};

const KINDS: readonly BucketKind[] = ['logs', 'state', 'queries'];

/** S3 takes as many in one request: what is gone is in the report, whatever comes of the next. */
const AT_ONCE = 1_000;

/** Deletes objects that are past their age, whosever they are. */
export async function removeAged(
  { s3, buckets, findings, signal, onProgress }: Work,
  aged: readonly Aged[],
): Promise<void> {
  for (const kind of KINDS) {
    const all = aged.filter(({ bucket }) => bucket === kind);
    for (let from = 0; from < all.length; from += AT_ONCE) {
      const mine = all.slice(from, from + AT_ONCE);
      const { refused } = await s3.bulk.removeMany(
        buckets[kind],
        mine.map(({ key }) => key),
        { signal },
      );
      for (const { key, reason } of refused) findings.problem(`S3 would not delete ${key}: ${reason}`);
      const stayed = new Set(refused.map(({ key }) => key));
      for (const { key, bytes, kind: what, why } of mine)
        if (!stayed.has(key)) findings.add({ kind: what, name: key, why, objects: 1, bytes });
      onProgress?.(`deleted ${from + mine.length} of ${all.length} old objects in ${buckets[kind]}`);
    }
  }
}

/** Uploads that were begun before `beforeMs` and never completed: whoever made them is gone. */
export class StaleUploads {
  readonly #s3: ObjectStore;
  readonly #buckets: Buckets;
  readonly #beforeMs: number;
  readonly #found: { bucket: string; upload: IncompleteUpload }[] = [];

  constructor({ s3, buckets }: Pick<Work, 's3' | 'buckets'>, beforeMs: number) {
    this.#s3 = s3;
    this.#buckets = buckets;
    this.#beforeMs = beforeMs;
  }

  async look(signal: AbortSignal): Promise<void> {
    for (const bucket of new Set(KINDS.map((kind) => this.#buckets[kind]))) {
      const uploads = await this.#s3.bulk.incompleteUploads(bucket, { signal }).catch((error: unknown) => {
        if (error instanceof BucketMissing) return [];
        throw error;
      });
      for (const upload of uploads)
        if (upload.startedAt.getTime() < this.#beforeMs) this.#found.push({ bucket, upload });
    }
  }

  /** Says what would be given up. */
  tell(findings: Findings): void {
    for (const { upload } of this.#found) findings.add(itemOf(upload));
  }

  /** Gives them up, so that their parts go. */
  async abort(findings: Findings, signal: AbortSignal): Promise<void> {
    for (const { bucket, upload } of this.#found) {
      await this.#s3.bulk.abortUpload(bucket, upload, { signal });
      findings.add(itemOf(upload));
    }
  }
}

const itemOf = ({ key, startedAt }: IncompleteUpload): { kind: GcKind; name: string; why: string } => ({
  kind: 'incomplete-upload',
  name: key,
  why: `begun ${startedAt.toISOString()} and never completed`,
});
