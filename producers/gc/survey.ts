import { fatesOf, type Fate, type FateStores } from '../../infra/mongo/tombstones.ts';
import type { ListedObject } from '../../infra/s3/client.ts';
import type { GcKind } from '../../model/gc-report.ts';
import { agedReason, archivesBeyond, type AgePolicy } from './decide.ts';
import { placeOf, type BucketKind } from './keys.ts';

export type SurveyPolicy = AgePolicy & { graceMs: number; keepArchives: number };

/** How much of a bot lies in the buckets. */
export type Pile = { objects: number; bytes: number; newestMs: number };
/** An object that goes by its age, not for its bot. */
export type Aged = {
  bucket: BucketKind;
  key: string;
  /** Of the bot it belongs to. */
  id: string | undefined;
  bytes: number;
  kind: GcKind;
  why: string;
};

/** What is too old goes in pieces of this many, so that memory stays bounded; the next sweep goes on. */
const MOST_AGED = 50_000;
/** A listing is in the order of ids: what became of those far behind is not asked again, or only rarely. */
const MOST_FATES = 20_000;

/**
 * Looks at objects, a page at a time, and remembers what may go: bots that were deleted longer than the grace ago, with how
 * much of them is there, and objects past their age. Deletes nothing.
 */
export class Survey {
  /** By id; when it was deleted. */
  readonly deleted = new Map<string, Pile & { at: Date }>();
  /** Ids without document and tombstone. */
  readonly unknown = new Map<string, Pile>();
  readonly aged: Aged[] = [];
  /** More is too old than this sweep takes. */
  isCut = false;
  objects = 0;

  readonly #stores: FateStores;
  readonly #policy: SurveyPolicy;
  readonly #nowMs: number;
  readonly #fates = new Map<string, Fate>();
  /** Of the bot that the listing is at: a listing has all of a bot's in a row. */
  #newestLog = { id: '', age: (): void => undefined };
  #archives: { id: string; listed: ListedObject[] } = { id: '', listed: [] };

  constructor(options: { stores: FateStores; policy: SurveyPolicy; nowMs: number }) {
    this.#stores = options.stores;
    this.#policy = options.policy;
    this.#nowMs = options.nowMs;
  }

  async look(bucket: BucketKind, page: readonly ListedObject[]): Promise<void> {
    const placed = page.flatMap((object) => {
      const place = placeOf(bucket, object.key);
      return place === undefined ? [] : [{ object, place }];
    });
    await this.#learn(placed.flatMap(({ place }) => (place.id === undefined ? [] : [place.id])));
    for (const { object, place } of placed) {
      this.objects += 1;
      if (place.id !== undefined && this.#counted(place.id, object)) continue;
      const reason = agedReason(place, object, this.#policy, this.#nowMs);
      if (place.kind === 'log-day') this.#logDay(place.id, object, reason);
      else if (reason !== undefined) this.#age(bucket, { ...object, id: place.id }, reason);
      if (place.kind === 'earlier-archive') this.#archive(place.id, object);
    }
  }

  /** To be called after the last page of a bucket. */
  endBucket(): void {
    const { id, listed } = this.#archives;
    this.#archives = { id: '', listed: [] };
    const { keepArchives: keep, staleMs } = this.#policy;
    for (const object of archivesBeyond(listed, { keep, staleMs }, this.#nowMs))
      this.#age(
        'state',
        { ...object, id },
        {
          kind: 'earlier-archive',
          why: `bot ${id} has ${keep} archives that are newer`,
        },
      );
  }

  /** Whether it goes with its bot, so that its own age does not matter. */
  #counted(id: string, object: ListedObject): boolean {
    const fate = this.#fates.get(id);
    if (fate === undefined || fate.kind === 'lives') return false;
    if (fate.kind === 'unknown') {
      add(this.unknown, id, object, {});
      return false;
    }
    if (this.#nowMs - fate.at.getTime() < this.#policy.graceMs) return false;
    add(this.deleted, id, object, { at: fate.at });
    return true;
  }

  /**
   * The newest stays, however old, of whatever was not deleted: it says how far the output of its containers is saved. Those
   * of a bot of which nothing is known may run all the same, as after the loss of our database.
   */
  #logDay(id: string, object: ListedObject, reason: { kind: GcKind; why: string } | undefined): void {
    const held = this.#newestLog;
    this.#newestLog = { id: '', age: () => undefined };
    // A listing has days in their order.
    if (held.id === id) held.age();
    const age = (): void => {
      if (reason !== undefined) this.#age('logs', { ...object, id }, reason);
    };
    if (this.#fates.get(id)?.kind !== 'deleted') this.#newestLog = { id, age };
    else age();
  }

  #archive(id: string, object: ListedObject): void {
    if (this.#archives.id !== id) {
      this.endBucket();
      this.#archives = { id, listed: [] };
    }
    this.#archives.listed.push(object);
  }

  #age(
    bucket: BucketKind,
    { key, id, bytes }: Pick<Aged, 'key' | 'id' | 'bytes'>,
    reason: { kind: GcKind; why: string },
  ): void {
    if (this.aged.length < MOST_AGED) this.aged.push({ bucket, key, id, bytes, ...reason });
    else this.isCut = true;
  }

  async #learn(ids: readonly string[]): Promise<void> {
    const fresh = ids.filter((id) => !this.#fates.has(id));
    if (fresh.length === 0) return;
    // Not those of the page at hand.
    if (this.#fates.size > MOST_FATES)
      for (const id of [...this.#fates.keys()].filter((known) => !ids.includes(known)))
        this.#fates.delete(id);
    for (const [id, fate] of await fatesOf(this.#stores, fresh)) this.#fates.set(id, fate);
  }
}

function add<More extends object>(
  piles: Map<string, Pile & More>,
  id: string,
  object: ListedObject,
  more: More,
): void {
  const pile = piles.get(id) ?? { objects: 0, bytes: 0, newestMs: 0, ...more };
  piles.set(id, {
    ...pile,
    objects: pile.objects + 1,
    bytes: pile.bytes + object.bytes,
    newestMs: Math.max(pile.newestMs, object.lastModified.getTime()),
  });
}
