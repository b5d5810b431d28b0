import { timestampDate, type Timestamp } from '@bufbuild/protobuf/wkt';
import type { Wish } from '../../../proto/gen/the0/runtime/v1/common_pb.js';
import type { WishView } from '../../../producers/control/bots/view.ts';

/** Messages leave out what is not known; views say null. */

export const iso = (stamp: Timestamp | undefined): string | null =>
  stamp === undefined ? null : timestampDate(stamp).toISOString();

/** Of what is always there. */
export const isoOf = (stamp: Timestamp | undefined): string => iso(stamp) ?? new Date(0).toISOString();

export const text = (value: string): string | null => (value === '' ? null : value);

export const wishView = (wish: Wish | undefined): WishView | null =>
  wish === undefined ? null : { who: wish.who, why: wish.why, at: isoOf(wish.at) };
