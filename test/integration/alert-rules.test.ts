import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runCommand } from '../../infra/local/command.ts';
import { PROMETHEUS } from '../support/alert-rules.ts';
import { prometheusPrograms } from '../support/prometheus-programs.ts';

/** Prometheus' own tool over the rules as they are: each alert is quiet, fires with its words, and clears. */
it('promtool finds rules and configuration well, and every alert as its test has it', async () => {
  const { promtool } = await prometheusPrograms();
  const tests = readdirSync(join(PROMETHEUS, 'tests')).map((file) => join('tests', file));
  expect(tests.length).toBeGreaterThan(5);
  for (const args of [
    ['check', 'config', 'prometheus.yml'],
    ['test', 'rules', ...tests],
  ]) {
    const { code, output } = await runCommand(promtool, args, { cwd: PROMETHEUS });
    expect(code, output).toBe(0);
  }
}, 120_000);
