import { firstMoment, lastMoment, SECOND_MS, type CronFields } from './calendar.ts';
import { shortestGap } from './gaps.ts';
import type { Timing } from './timing.ts';
import type { Span, ZoneRules } from './zone-rules.ts';

/** A timing that knows more of itself than its users need. */
export type ReadTiming = Timing & { readonly minGapMs: () => number };

/** Nominal times are looked for from 1970 to the end of this year. */
const LAST_YEAR = 2199;
const REACH_END_MS = Date.UTC(LAST_YEAR + 1);

/**
 * The nominal times of a cron are a set: for every stretch of real time, the moments whose wall time the cron names. Next
 * and previous look into that set, so they agree with each other, and do not depend on where a search began.
 */
export class CronTiming implements ReadTiming {
  readonly text: string;
  readonly cron: string;
  readonly zone: string;
  readonly #fields: CronFields;
  readonly #rules: ZoneRules;
  #minGapMs: number | undefined;

  constructor(cron: string, zone: string, fields: CronFields, rules: ZoneRules) {
    this.text = timingText(cron, zone);
    this.cron = cron;
    this.zone = zone;
    this.#fields = fields;
    this.#rules = rules;
  }

  next(afterMs: number): number | undefined {
    const from = Math.max(0, Math.floor(afterMs / SECOND_MS) * SECOND_MS + SECOND_MS);
    for (let year = yearOf(from); year <= LAST_YEAR; year++) {
      for (const span of this.#spans(year)) {
        if (span.until <= from) continue;
        const start = Math.max(from, span.from);
        const found = span.offsets
          .map((offset) => moved(firstMoment(this.#fields, start + offset, span.until + offset), offset))
          .filter((moment) => moment !== undefined);
        if (found.length > 0) return Math.min(...found);
      }
    }
    return undefined;
  }

  previous(atMs: number): number | undefined {
    const at = Math.min(Math.floor(atMs / SECOND_MS) * SECOND_MS, REACH_END_MS - SECOND_MS);
    for (let year = yearOf(at); year >= 1970; year--) {
      for (const span of this.#spans(year).toReversed()) {
        if (span.from > at) continue;
        const end = Math.min(at + SECOND_MS, span.until);
        const found = span.offsets
          .map((offset) => moved(lastMoment(this.#fields, span.from + offset, end + offset), offset))
          .filter((moment) => moment !== undefined);
        if (found.length > 0) return Math.max(...found);
      }
    }
    return undefined;
  }

  minGapMs(): number {
    this.#minGapMs ??= shortestGap(this, this.#fields, this.#rules);
    return this.#minGapMs;
  }

  /** A cron of every hour follows real time; one of certain hours follows the wall clock (see README.md). */
  #spans(year: number): readonly Span[] {
    return this.#fields.hours.length === 24
      ? this.#rules.everyInstant(year)
      : this.#rules.eachWallTimeOnce(year);
  }
}

const moved = (moment: number | undefined, offset: number): number | undefined =>
  moment === undefined ? undefined : moment - offset;

const yearOf = (ms: number): number => new Date(ms).getUTCFullYear();

/** `@every`: the multiples of an interval since 1970, so that a restart shifts nothing. */
export class EveryTiming implements ReadTiming {
  readonly text: string;
  readonly cron: string;
  readonly zone: string;
  readonly #everyMs: number;

  constructor(cron: string, zone: string, everyMs: number) {
    this.text = timingText(cron, zone);
    this.cron = cron;
    this.zone = zone;
    this.#everyMs = everyMs;
  }

  next(afterMs: number): number | undefined {
    const at = Math.max(0, (Math.floor(afterMs / this.#everyMs) + 1) * this.#everyMs);
    return at < REACH_END_MS ? at : undefined;
  }

  previous(atMs: number): number | undefined {
    const at = Math.floor(Math.min(atMs, REACH_END_MS - SECOND_MS) / this.#everyMs) * this.#everyMs;
    return at >= 0 ? at : undefined;
  }

  minGapMs(): number {
    return this.#everyMs;
  }
}

const timingText = (cron: string, zone: string): string => `CRON_TZ=${zone} ${cron}`;
