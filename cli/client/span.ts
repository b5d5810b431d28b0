import { timestampFromDate, type Timestamp } from '@bufbuild/protobuf/wkt';
import type { Moment } from '../commands/flags.ts';

export type SpanFlags = { from?: Moment; to?: Moment };

/** A span of times as requests have it; what is not given is left out. Now is this terminal's. */
export const spanOf = ({ from, to }: SpanFlags): { from?: Timestamp; to?: Timestamp } => ({
  ...(from === undefined ? {} : { from: stampOf(from) }),
  ...(to === undefined ? {} : { to: stampOf(to) }),
});

const stampOf = (at: Moment): Timestamp => timestampFromDate(at === 'now' ? new Date() : at);
