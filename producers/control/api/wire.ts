import {
  durationFromMs,
  durationMs,
  timestampDate,
  timestampFromDate,
  timestampFromMs,
  type Duration,
  type Timestamp,
} from '@bufbuild/protobuf/wkt';

/** Times, spans and words between what operations speak and what goes over the wire. Absent stays absent. */

/** `at`: a date, or ISO text as views have it. */
export function stamp(at: Date | string | null | undefined): Timestamp | undefined {
  if (at === null || at === undefined) return undefined;
  return typeof at === 'string' ? timestampFromMs(Date.parse(at)) : timestampFromDate(at);
}

export const dateOf = (stamped: Timestamp | undefined): Date | undefined =>
  stamped === undefined ? undefined : timestampDate(stamped);

/** Of a request, both ends where it names them. */
export function spanIn(stamped: { from?: Timestamp | undefined; to?: Timestamp | undefined }): {
  from?: Date;
  to?: Date;
} {
  const [from, to] = [dateOf(stamped.from), dateOf(stamped.to)];
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}

export const lasting = (ms: number | undefined): Duration | undefined =>
  ms === undefined ? undefined : durationFromMs(Math.round(ms));

export const msOf = (duration: Duration | undefined): number | undefined =>
  duration === undefined ? undefined : durationMs(duration);

/** The words of a domain and the values of an enum, both ways: `timed-out` is `TIMED_OUT`. */
export type Words<Word extends string, Value extends number> = {
  value: (word: Word) => Value;
  /** Of the values, those that are words; 0 says nothing. */
  words: (values: readonly Value[]) => Word[];
};

/** `values`: the enum as generated. Throws for a word that has no value there, so at the start and not at its first use. */
export function wordsOf<Word extends string, Value extends number>(
  all: readonly Word[],
  values: Readonly<Record<string, string | Value>>,
): Words<Word, Value> {
  const valueOf = new Map(
    all.map((word) => {
      const value = values[word.toUpperCase().replaceAll('-', '_')];
      if (typeof value !== 'number') throw new Error(`The API has no value for ${JSON.stringify(word)}`);
      return [word, value] as const;
    }),
  );
  const wordOf = new Map([...valueOf].map(([word, value]) => [value, word]));
  return {
    value: (word) => valueOf.get(word) ?? (0 as Value),
    words: (wanted) => wanted.flatMap((value) => wordOf.get(value) ?? []),
  };
}
