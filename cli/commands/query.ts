import type { Command } from 'commander';
import { toJson, type JsonObject, type JsonValue } from '@bufbuild/protobuf';
import { durationFromMs, ValueSchema } from '@bufbuild/protobuf/wkt';
import { isObject } from '../../model/config-fields.ts';
import { msOf } from '../../producers/control/api/wire.ts';
import { withApi } from '../client/with-api.ts';
import { CliError, EXIT } from '../errors.ts';
import { asClient, type ApiFlags } from './api-command.ts';
import { printJson } from './flags.ts';
import { IdArgument } from './id-argument.ts';

type Flags = ApiFlags & { params?: string; timeout?: string };

/** Of a query that names none; the query server's own default. */
const DEFAULT_SECONDS = 30;
/** The API itself answers at its time limit: this is for one that does not. */
const MARGIN_MS = 5_000;

export function queryCommand(program: Command): void {
  asClient(program.command('query'))
    .description('ask a bot’s query program, and print the data of its answer')
    .addArgument(new IdArgument('<id>', 'bot-or-schedule'))
    .argument('<path>', 'which query, such as /status')
    .option('--params <json>', 'parameters, a JSON object')
    .option('--timeout <seconds>', `how long to wait at most; unset: ${DEFAULT_SECONDS}`)
    .action(query);
}

async function query(id: string, path: string, _flags: Flags, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<Flags>();
  const params = readParams(flags.params);
  const timeoutMs = Math.max(1, Math.round(readSeconds(flags.timeout) * 1_000));
  const { data, exactJson, took } = await withApi(flags, (api) =>
    api.queries.query(
      { id, path, params, timeout: durationFromMs(timeoutMs) },
      { timeoutMs: timeoutMs + MARGIN_MS },
    ),
  );
  const value: JsonValue = data === undefined ? null : toJson(ValueSchema, data);
  // In nanoseconds, as the query server has it.
  const duration = (msOf(took) ?? 0) * 1e6;
  // Its numbers have more digits than ours hold: it is shown as it was written.
  if (exactJson !== '')
    return console.log(
      flags.json === true ? `{"status":"ok","data":${exactJson},"duration":${duration}}` : exactJson,
    );
  if (flags.json === true) printJson({ status: 'ok', data: value, duration });
  else if (typeof value === 'string') console.log(value);
  else printJson(value);
}

function readParams(text: string | undefined): JsonObject {
  if (text === undefined) return {};
  const wrong = (): CliError =>
    new CliError(`--params: expected a JSON object such as '{"limit": 5}', not ${text}`, EXIT.usage);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrong();
  }
  if (!isObject(value)) throw wrong();
  return value as JsonObject;
}

function readSeconds(text: string | undefined): number {
  if (text === undefined) return DEFAULT_SECONDS;
  const seconds = Number(text);
  if (!Number.isFinite(seconds) || seconds <= 0)
    throw new CliError(`--timeout: expected a number of seconds above 0, not ${text}`, EXIT.usage);
  return seconds;
}
