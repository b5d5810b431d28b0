import { parse as parseYaml, YAMLParseError } from 'yaml';
import { z } from 'zod';
import { CliError } from '../errors.ts';

/** What the platform accepts as `bot-config.yaml` (contract §8.1). */

export const RUNTIMES = [
  'python3.11',
  'nodejs20',
  'rust-stable',
  'dotnet8',
  'gcc13',
  'scala3',
  'ghc96',
] as const;

const words = (limit: number) => z.array(z.string()).max(limit);

const filePath = z
  .string()
  .min(1, 'is empty')
  .refine(
    (path) => !path.startsWith('/') && !path.split('/').includes('..'),
    'must be a path inside the bot’s folder',
  );

export const botConfigSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9-]+$/, 'may hold only lower-case letters, digits and "-"')
    .min(3, 'needs 3 characters or more')
    .max(50, 'may have 50 characters at most'),
  version: z
    .string('must be text: write it in quotes, such as "1.0.0"')
    .regex(/^\d+\.\d+\.\d+$/, 'must be three numbers, such as 1.0.0'),
  type: z.enum(['scheduled', 'realtime', 'event']),
  runtime: z.enum(RUNTIMES),
  entrypoints: z.strictObject({ bot: filePath, query: filePath.optional() }),
  description: z.string().max(500, 'may have 500 characters at most').optional(),
  author: z.string().max(100, 'may have 100 characters at most').optional(),
  schema: z.strictObject({ bot: filePath }).optional(),
  readme: filePath.optional(),
  metadata: z
    .looseObject({
      categories: words(10).optional(),
      instruments: words(20).optional(),
      exchanges: words(20).optional(),
      tags: words(20).optional(),
    })
    .optional(),
  /** Accepted and dropped: the platform computes it. */
  hasFrontend: z.unknown().optional(),
});
export type BotConfigFile = z.output<typeof botConfigSchema>;

/** `bot-config.yaml` cannot be used; one line per problem, each with the field, its value and what is allowed. */
export class BotConfigInvalid extends CliError {
  override readonly name = 'BotConfigInvalid';
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`bot-config.yaml cannot be used:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/** @throws BotConfigInvalid */
export function parseBotConfig(text: string): BotConfigFile {
  let value: unknown;
  try {
    value = parseYaml(text, { maxAliasCount: 100 });
  } catch (error) {
    const where =
      error instanceof YAMLParseError && error.linePos !== undefined ? `line ${error.linePos[0].line}: ` : '';
    throw new BotConfigInvalid([`${where}${(error as Error).message.split('\n')[0] ?? 'it is not YAML'}`]);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BotConfigInvalid(['it must be a mapping with name, version, type, runtime and entrypoints']);
  const parsed = botConfigSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new BotConfigInvalid(parsed.error.issues.map((issue) => explainIssue(issue, value)));
}

function explainIssue(issue: z.core.$ZodIssue, root: unknown): string {
  const field = issue.path.join('.') || 'the file';
  const given = issue.path.reduce<unknown>(
    (at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key],
    root,
  );
  if (issue.code === 'unrecognized_keys')
    return `${issue.path.length === 0 ? '' : `${field}: `}${issue.keys.join(', ')}: no such field`;
  if (given === undefined) return `${field}: is missing`;
  if (issue.code === 'invalid_value')
    return `${field}: ${JSON.stringify(given)} is none of ${issue.values.join(', ')}`;
  return `${field}: ${shown(given)} ${issue.message}`;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
