import { storageProblem } from '../../infra/mongo/storable.ts';
import { InvalidRequest } from './errors.ts';

export type ConfigOverride = Readonly<Record<string, unknown>>;

/** What decides about the schedule or names the bot, and not about one run: in an override it would be without effect. */
const NOT_OF_A_RUN = [
  'customBotId',
  'enabled',
  'misfire',
  'jitter',
  'overlap',
  'schedule',
  'timezone',
  'type',
  'version',
];

/** It is kept with the run's record. */
const MAX_BYTES = 64 * 1024;

/**
 * Parameters that replace the schedule's own for one run.
 * @throws InvalidRequest
 */
export function checkOverride(override: ConfigOverride): ConfigOverride {
  const field = 'configOverride';
  const useless = Object.keys(override).filter((key) => NOT_OF_A_RUN.includes(key));
  if (useless.length > 0)
    throw new InvalidRequest(
      field,
      `The override holds ${useless.join(', ')}, which cannot differ for one run`,
      'leave them out, or change the schedule itself',
    );
  const unstorable = storageProblem(override, 'the override');
  if (unstorable !== undefined) throw new InvalidRequest(field, unstorable, 'leave that out');
  const bytes = Buffer.byteLength(JSON.stringify(override));
  if (bytes > MAX_BYTES)
    throw new InvalidRequest(field, `The override has ${bytes} bytes`, `keep it to ${MAX_BYTES} bytes`);
  return override;
}
