import { z } from 'zod';

/** Building blocks of the settings: each takes the text of an environment variable. */

/** `true`, `1`, `yes`, `on` and their opposites. Never `Boolean('false')`. */
export const flag = (initial: boolean) =>
  z
    .stringbool({ truthy: ['true', '1', 't', 'yes', 'on'], falsy: ['false', '0', 'f', 'no', 'off', ''] })
    .default(initial);

const DURATION_UNITS_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A duration as the reference's flags write it (`30s`, `1m30s`, `500ms`) or plain seconds; value in milliseconds. */
export const durationMs = (initial: string) =>
  z
    .string()
    .transform((text, ctx) => {
      const trimmed = text.trim();
      if (/^\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed) * 1000;
      if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(trimmed)) {
        ctx.addIssue({ code: 'custom', message: 'expected a duration such as 30s, 1m30s or 500ms' });
        return z.NEVER;
      }
      let total = 0;
      for (const [, amount, unit] of trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g))
        total += Number(amount) * (DURATION_UNITS_MS[unit ?? 's'] ?? 0);
      return total;
    })
    .prefault(initial);

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
