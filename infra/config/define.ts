import type { z } from 'zod';

/** One setting: how it is read, and what a person needs to know of it. */
export type SettingDefinition<Schema extends z.ZodType = z.ZodType> = {
  schema: Schema;
  /** Heading under which it is listed. */
  group: string;
  /** One line: what it means, and what unset means. */
  meaning: string;
  /** `s`, `MB`, `cores`, `url` …; empty for plain text. */
  unit: string;
  /** Shown as the default where the schema's own would not read well. */
  shownDefault?: string;
  /** Never printed; may also be given as `NAME_FILE`. */
  secret?: boolean;
  /** Other names that still work, the reference's among them; the first name that is set wins. */
  aliases?: readonly string[];
};

export function setting<Schema extends z.ZodType>(
  schema: Schema,
  rest: Omit<SettingDefinition<Schema>, 'schema'>,
): SettingDefinition<Schema> {
  return { schema, ...rest };
}
