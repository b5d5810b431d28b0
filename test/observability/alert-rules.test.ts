import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { buildProgram } from '../../cli/program.ts';
import { alertRules, metricsIn, PROMETHEUS, recordingRules } from '../support/alert-rules.ts';
import { defaultMetrics, sourceMetrics } from '../support/source-metrics.ts';

const ROOT = join(PROMETHEUS, '../..');
const RUNBOOKS = join(ROOT, 'docs/runbooks');
const alerts = alertRules();
const recorded = recordingRules();

type RuleTest = { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] };
const ruleTests = readdirSync(join(PROMETHEUS, 'tests')).flatMap(
  (file) => (parse(readFileSync(join(PROMETHEUS, 'tests', file), 'utf8')) as { tests: RuleTest[] }).tests,
);

/** As a page of Markdown names its headings. */
const anchorsOf = (file: string): string[] =>
  [...readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title.toLowerCase().replaceAll(' ', '-'),
  );

describe.each(alerts.map((rule) => [rule.alert, rule] as const))('%s', (name, rule) => {
  it('has a severity, a summary, and a runbook that says what to do', () => {
    expect(['critical', 'warning']).toContain(rule.labels['severity']);
    expect(rule.annotations['summary']).toMatch(/\S{2,}/);
    const [file = '', anchor] = (rule.annotations['runbook_url'] ?? '').split('#');
    expect(file).toMatch(/^docs\/runbooks\/.*\.md$/);
    expect(anchor).toBe(name.toLowerCase());
    expect(anchorsOf(join(ROOT, file))).toContain(anchor);
    const page = readFileSync(join(ROOT, file), 'utf8');
    const section = page.split(/^## /m).find((text) => text.startsWith(`${name}\n`)) ?? '';
    for (const part of ['**What it means.**', '**Look.**', '**Do.**']) expect(section).toContain(part);
  });

  it('is seen to be quiet, to fire and to clear by promtool', () => {
    const seen = ruleTests
      .flatMap((test) => test.alert_rule_test)
      .filter(({ alertname }) => alertname === name)
      .map(({ exp_alerts: { length } }) => length > 0);
    expect(seen).toEqual([false, true, false]);
  });
});

it('names only metrics that exist, in alerts and in recorded figures', () => {
  const known = new Set([...sourceMetrics(), ...defaultMetrics(), ...recorded.map(({ record }) => record)]);
  const named = [...alerts, ...recorded].flatMap(({ expr }) => metricsIn(expr));
  expect(named.length).toBeGreaterThan(alerts.length);
  expect(named.filter((metric) => !known.has(metric))).toEqual([]);
});

it('has no runbook of an alert that is gone, and a table of all', () => {
  const pages = readdirSync(RUNBOOKS).filter((file) => file !== 'README.md');
  const sections = pages.flatMap((file) =>
    [...readFileSync(join(RUNBOOKS, file), 'utf8').matchAll(/^## (.*)$/gm)].map(([, title]) => title),
  );
  expect(sections.toSorted()).toEqual(alerts.map(({ alert }) => alert).toSorted());
  const table = readFileSync(join(RUNBOOKS, 'README.md'), 'utf8');
  for (const { alert, labels, for: lasting = 'at once', annotations } of alerts)
    expect(table).toContain(
      `[${alert}](${(annotations['runbook_url'] ?? '').replace('docs/runbooks/', '')}) | ${labels['severity'] ?? ''} | ${lasting} |`,
    );
});

it('tells only of commands, settings and sections that exist', async () => {
  const { commands: all } = await buildProgram();
  const commands = new Set(all.map((command) => command.name()));
  const settings = readFileSync(join(ROOT, '.env.example'), 'utf8');
  for (const file of readdirSync(RUNBOOKS)) {
    const text = readFileSync(join(RUNBOOKS, file), 'utf8');
    for (const [, command = ''] of text.matchAll(/npx the0-runtime ([a-z][\w-]*)/g))
      expect(commands, `${file} tells of it`).toContain(command);
    for (const [, setting = ''] of text.matchAll(/`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)`/g))
      if (!OTHERS.has(setting)) expect(settings, `${file} tells of it`).toContain(`${setting}=`);
    for (const [, page = '', anchor] of text.matchAll(/\]\(([\w./-]*)#([\w-]+)\)/g)) {
      const target = page === '' ? join(RUNBOOKS, file) : join(RUNBOOKS, page);
      expect(existsSync(target), `${file} leads to ${page}`).toBe(true);
      expect(anchorsOf(target), `${file} leads there`).toContain(anchor);
    }
  }
});

/** What is a setting of somebody else. */
const OTHERS = new Set(['DOCKER_GID']);
