import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { collectDefaultMetrics, Registry } from 'prom-client';

const ROOT = join(import.meta.dirname, '../..');
const FOLDERS = '{infra,queues,producers,processors,cli,dashboard}';

/** Names of all series that the product's own metrics have, read off its source. */
export function sourceMetrics(): Set<string> {
  const names = new Set<string>();
  for (const file of globSync(`${FOLDERS}/**/*.ts`, { cwd: ROOT })) {
    if (file.endsWith('.test.ts')) continue;
    const source = readFileSync(join(ROOT, file), 'utf8');
    for (const [, name = ''] of source.matchAll(/'(the0_[a-z0-9_]+)'/g)) {
      names.add(name);
      if (isHistogram(source, name))
        for (const part of ['bucket', 'sum', 'count']) names.add(`${name}_${part}`);
    }
  }
  return names;
}

/** Names of what every process tells of itself. */
export function defaultMetrics(): string[] {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry.getMetricsAsArray().map(({ name }) => name);
}

/** Its name stands in the options of one. */
const isHistogram = (source: string, name: string): boolean =>
  new RegExp(`new Histogram\\(\\{[^}]*'${name}'`).test(source);
