import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

export const PROMETHEUS = join(import.meta.dirname, '../../infra/prometheus');

export type AlertRule = {
  alert: string;
  expr: string;
  for?: string;
  labels: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
};
type RecordingRule = { record: string; expr: string };
export type RuleFile<Rule> = { groups: { name: string; rules: Rule[] }[] };

const read = <T>(file: string): T => parse(readFileSync(join(PROMETHEUS, file), 'utf8')) as T;

export const alertRules = (): AlertRule[] =>
  read<RuleFile<AlertRule>>('alerts.rules.yml').groups.flatMap(({ rules }) => rules);

export const recordingRules = (): RecordingRule[] =>
  read<RuleFile<RecordingRule>>('recording.rules.yml').groups.flatMap(({ rules }) => rules);

/** Names of metrics and of recorded figures in a query. */
export const metricsIn = (query: string): string[] =>
  // What stands in quotes is a label's value.
  query.replaceAll(/"[^"]*"/g, '""').match(/\b(?:the0[:_]|nodejs_|process_)[a-z0-9_:]+/g) ?? [];
