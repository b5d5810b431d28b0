import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../../infra/local/ports.ts';
import { deathWatch } from '../../infra/local/watchdog.ts';
import { until } from './poll.ts';
import { prometheusPrograms } from './prometheus-programs.ts';

export type Target = { role: string; address: string };
export type FiringAlert = { name: string; labels: Readonly<Record<string, string>>; summary: string };
export type Sample = { labels: Readonly<Record<string, string>>; value: number };

/** A Prometheus of the test's own, on the loopback. */
export type Prometheus = AsyncDisposable & {
  /** From now on it scrapes these. */
  scrape(targets: readonly Target[]): void;
  firing(): Promise<FiringAlert[]>;
  /** Of an instant query. */
  query(text: string): Promise<Sample[]>;
};

type Options = { dir: string; ruleFiles: readonly string[]; everyMs: number };

/** Scrapes and evaluates every `everyMs`. */
export async function startPrometheus({ dir, ruleFiles, everyMs }: Options): Promise<Prometheus> {
  const { prometheus } = await prometheusPrograms();
  mkdirSync(dir, { recursive: true });
  const targetFile = join(dir, 'targets.json');
  const scrape: Prometheus['scrape'] = (targets) =>
    writeFileSync(
      targetFile,
      JSON.stringify(targets.map(({ role, address }) => ({ labels: { role }, targets: [address] }))),
    );
  scrape([]);
  const every = `${everyMs}ms`;
  // JSON is YAML.
  const config = {
    global: { scrape_interval: every, scrape_timeout: every, evaluation_interval: every },
    rule_files: ruleFiles,
    scrape_configs: [
      { job_name: 'the0-runtime', file_sd_configs: [{ files: [targetFile], refresh_interval: '1s' }] },
    ],
  };
  const configFile = join(dir, 'prometheus.yml');
  writeFileSync(configFile, JSON.stringify(config));
  const [port = 0] = await freePorts(1);
  const log = openSync(join(dir, 'prometheus.log'), 'a');
  const [command = prometheus, ...args] = [
    ...deathWatch(),
    prometheus,
    `--config.file=${configFile}`,
    `--storage.tsdb.path=${join(dir, 'tsdb')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ];
  const child = spawn(command, args, { stdio: ['ignore', log, log] });
  closeSync(log);
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const url = `http://127.0.0.1:${port}`;
  await until(async () => (await fetch(`${url}/-/ready`)).ok, { timeoutMs: 30_000, what: 'Prometheus' });

  async function ask<T>(path: string): Promise<T> {
    const answer = (await (await fetch(`${url}/api/v1/${path}`)).json()) as {
      status: string;
      error?: string;
      data: T;
    };
    if (answer.status !== 'success') throw new Error(`Prometheus refuses ${path}: ${answer.error ?? ''}`);
    return answer.data;
  }
  return {
    scrape,
    async firing() {
      const { alerts } = await ask<{
        alerts: {
          state: string;
          labels: Record<string, string>;
          annotations: Record<string, string>;
        }[];
      }>('alerts');
      return alerts
        .filter(({ state }) => state === 'firing')
        .map(({ labels, annotations }) => ({
          name: labels['alertname'] ?? '',
          labels,
          summary: annotations['summary'] ?? '',
        }));
    },
    async query(text) {
      const { result } = await ask<{ result: { metric: Record<string, string>; value: [number, string] }[] }>(
        `query?query=${encodeURIComponent(text)}`,
      );
      return result.map(({ metric, value: [, value] }) => ({ labels: metric, value: Number(value) }));
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
