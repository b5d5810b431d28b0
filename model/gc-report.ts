/** What the garbage collection found, and why it may go: the same for what is in S3 and what is on the engine. */

/** What goes from object storage. */
export const STORAGE_KINDS = [
  'deleted-bot',
  'old-log-day',
  'temporary-object',
  'incomplete-upload',
  'query-result',
  'earlier-archive',
] as const;

export const GC_KINDS = [...STORAGE_KINDS, 'run-leftover', 'container', 'volume', 'code', 'image'] as const;
export type GcKind = (typeof GC_KINDS)[number];

/** One thing that goes, or would. `why` in plain words: it is the positive reason. */
export type GcItem = { kind: GcKind; name: string; why: string; objects: number; bytes: number };

/** One sweep of one part, as it is stored, shown and handed back. */
export type GcFindings = {
  /** Items by kind; `objects` and `bytes` of all of them. */
  counts: Partial<Record<GcKind | 'objects' | 'bytes', number>>;
  /** The first of them, bounded. */
  items: GcItem[];
  problems: string[];
  /** Ids with data but with neither a document nor a tombstone: left alone. Bounded; `unknownCount` is not. */
  unknown: string[];
  unknownCount: number;
  /** Of the engine: whose containers and state go, or would were they not too many. Bounded. */
  going?: string[];
};

const MOST_ITEMS = 500;
const MOST_PROBLEMS = 50;
const MOST_IDS = 5_000;
/** Of a report that is kept: one an hour is, and whoever wants them all asks for a dry run. */
const MOST_UNKNOWN_KEPT = 100;

/** Collects findings, in bounded room however much there is. */
export class Findings {
  readonly #counts: GcFindings['counts'] = {};
  readonly #items: GcItem[] = [];
  readonly #problems: string[] = [];
  readonly #unknown = new Set<string>();
  #going: string[] | undefined;

  add(item: Omit<GcItem, 'objects' | 'bytes'> & { objects?: number; bytes?: number }): void {
    const { objects = 0, bytes = 0 } = item;
    this.#count(item.kind, 1);
    this.#count('objects', objects);
    this.#count('bytes', bytes);
    if (this.#items.length < MOST_ITEMS) this.#items.push({ ...item, objects, bytes });
  }

  problem(text: string): void {
    if (this.#problems.length < MOST_PROBLEMS && !this.#problems.includes(text)) this.#problems.push(text);
  }

  unknown(id: string): void {
    this.#unknown.add(id);
  }

  going(ids: Iterable<string>): void {
    this.#going = [...ids].sort().slice(0, MOST_IDS);
  }

  result(): GcFindings {
    const unknown = [...this.#unknown].sort();
    return {
      counts: { ...this.#counts },
      items: [...this.#items],
      problems: [...this.#problems],
      unknown: unknown.slice(0, MOST_IDS),
      unknownCount: unknown.length,
      ...(this.#going === undefined ? {} : { going: this.#going }),
    };
  }

  #count(name: GcKind | 'objects' | 'bytes', amount: number): void {
    if (amount > 0) this.#counts[name] = (this.#counts[name] ?? 0) + amount;
  }
}

/** As a report is kept. */
export const bounded = <T extends GcFindings>(report: T): T => ({
  ...report,
  unknown: report.unknown.slice(0, MOST_UNKNOWN_KEPT),
});

/** How many things went, or would. */
export const itemCount = ({ counts }: Pick<GcFindings, 'counts'>): number =>
  GC_KINDS.reduce((sum, kind) => sum + (counts[kind] ?? 0), 0);
