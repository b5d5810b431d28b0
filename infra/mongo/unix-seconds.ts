import { Long } from 'mongodb';

/** The contract's 64-bit integer of unix seconds (§3.2), to be written. The driver reads it back as a number. */
export const unixSeconds = (ms: number): number =>
  Long.fromNumber(Math.floor(ms / 1000)) as unknown as number;
