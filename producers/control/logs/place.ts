import { InvalidRequest } from '../errors.ts';

/** Before this byte of the object of that day (`YYYYMMDD`, UTC). Objects only grow, so it means the same for good. */
export type StoredPlace = { day: string; offset: number };

/** Before and after all that is ever stored. */
export const EARLIEST: StoredPlace = { day: '00010101', offset: 0 };
export const LATEST: StoredPlace = { day: '99991231', offset: Number.MAX_SAFE_INTEGER };

/** A line that came live and may not be stored yet: the how manieth of its like after a stored place. */
export type LivePlace = StoredPlace & { like: string; count: number };

export type LogPlace = StoredPlace | LivePlace;

export const isLive = (place: LogPlace): place is LivePlace => 'like' in place;

/** `20261124.1200`, or `20261124.1200.q3Zt0aB1.2` for a live line. */
export const placeText = (place: LogPlace): string =>
  isLive(place)
    ? `${place.day}.${place.offset}.${place.like}.${place.count}`
    : `${place.day}.${place.offset}`;

const PLACE = /^(\d{8})\.(\d{1,15})(?:\.([A-Za-z0-9_-]{1,20})\.([1-9]\d{0,8}))?$/;

/** @throws InvalidRequest for what is no place; `field`: where it stands in the request. */
export function readPlace(field: string, text: string): LogPlace {
  const [, day, offset, like, count] = PLACE.exec(text) ?? [];
  if (day === undefined || offset === undefined || !isDay(day))
    throw new InvalidRequest(
      field,
      `${JSON.stringify(text.slice(0, 60))} is no position in a log`,
      'hand back a position as it was given, or leave it out',
    );
  const stored = { day, offset: Number(offset) };
  return like === undefined || count === undefined ? stored : { ...stored, like, count: Number(count) };
}

/** Whether there is such a day; `20261399` is none. */
export const isDay = (text: string): boolean =>
  /^\d{8}$/.test(text) &&
  !Number.isNaN(Date.parse(`${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6)}`));

/** `YYYYMMDD` in UTC, as the log's objects are named. */
export const dayText = (ms: number): string => new Date(ms).toISOString().slice(0, 10).replaceAll('-', '');
