import { isIP } from 'node:net';
import { z } from 'zod';
import { parseDuration } from '../../model/duration.ts';

/** Building blocks of the settings: each takes the text of an environment variable. */

/** `true`, `1`, `yes`, `on` and their opposites. Never `Boolean('false')`. */
export const flag = (initial: boolean) =>
  z
    .stringbool({ truthy: ['true', '1', 't', 'yes', 'on'], falsy: ['false', '0', 'f', 'no', 'off', ''] })
    .default(initial);

/** A duration as the reference's flags write it (`30s`, `1m30s`, `500ms`) or plain seconds; value in milliseconds. `most`: the longest. */
export const durationMs = (initial: string, most?: string) =>
  z
    .string()
    .transform((text, ctx) => {
      const ms = parseDuration(text);
      const isTooLong = ms !== undefined && ms > (parseDuration(most) ?? Infinity);
      if (ms !== undefined && !isTooLong) return ms;
      const atMost = most === undefined ? '' : `, ${most} at most`;
      ctx.addIssue({ code: 'custom', message: `expected a duration such as 30s, 1m30s or 500ms${atMost}` });
      return z.NEVER;
    })
    .prefault(initial);

/** A range of addresses: `10.0.0.0/8`, `fd00::/8`, or a single one. */
export type AddressRange = { address: string; bits: number; family: 'ipv4' | 'ipv6' };

/** Yes or no, or addresses and ranges between commas. */
export const flagOrRanges = (initial: boolean) =>
  z
    .string()
    .transform((value, ctx): boolean | readonly AddressRange[] => {
      const isWord = flag(initial).safeParse(value);
      if (isWord.success) return isWord.data;
      const ranges: AddressRange[] = [];
      for (const each of value.split(',').map((item) => item.trim())) {
        const range = rangeOf(each);
        if (range === undefined) {
          const message = `expected yes or no, or addresses and ranges such as 10.0.0.0/8,192.0.2.7: ${JSON.stringify(each)} is none`;
          ctx.addIssue({ code: 'custom', message });
          return z.NEVER;
        }
        ranges.push(range);
      }
      return ranges;
    })
    .prefault(String(initial));

function rangeOf(text: string): AddressRange | undefined {
  const [, address = '', given] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const version = isIP(address);
  if (version === 0 || address.includes('%')) return undefined;
  const most = version === 4 ? 32 : 128;
  const bits = given === undefined ? most : Number(given);
  return bits > most ? undefined : { address, bits, family: version === 4 ? 'ipv4' : 'ipv6' };
}

export const integer = (initial: number, min: number, max: number) =>
  z.coerce.number({ error: 'expected a number' }).int().min(min).max(max).default(initial);

export const decimal = (initial: number, min: number, max: number) =>
  z.coerce.number({ error: 'expected a number' }).min(min).max(max).default(initial);

export const port = (initial: number) => integer(initial, 0, 65_535);

export const text = (initial: string) => z.string().default(initial);

export const optionalText = () =>
  z
    .string()
    .transform((value) => (value.trim() === '' ? undefined : value))
    .optional();

/** Comma-separated words; empty means none. */
export const list = (initial: string) =>
  z
    .string()
    .default(initial)
    .transform((value) =>
      value
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
    );

/** An http or https address. */
export const optionalUrl = () =>
  optionalText().refine(
    (value) => value === undefined || /^https?:$/.test(URL.parse(value)?.protocol ?? ''),
    {
      error: 'expected an address that begins with http:// or https://',
    },
  );

/** `name=value,…`, the values URL-encoded, as OpenTelemetry writes them. */
export const pairs = () =>
  z
    .string()
    .default('')
    .transform((text, ctx) => {
      const entries = text
        .split(',')
        .filter((item) => item.trim() !== '')
        .map((item) => {
          const at = item.indexOf('=');
          return [item.slice(0, Math.max(0, at)).trim(), decoded(item.slice(at + 1).trim())] as const;
        });
      if (entries.every(([name, value]) => name !== '' && value !== undefined))
        return Object.fromEntries(entries) as Readonly<Record<string, string>>;
      ctx.addIssue({ code: 'custom', message: 'expected name=value,name=value, the values URL-encoded' });
      return z.NEVER;
    });

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
