import { launching } from '../../cli/roles/launching.ts';
import { openServices, type Services } from '../../cli/roles/services.ts';
import { createFakeEngine, type FakeEngine } from '../../infra/engine/fake/index.ts';
import { containerName } from '../../model/names.ts';
import type { BotStatus } from '../../model/status.ts';
import { converge, type ConvergeDeps, type Outcome } from '../../processors/converge.ts';
import { DesiredReader } from '../../processors/desired.ts';
import { Launcher } from '../../processors/launch.ts';
import { botDocument, newBotId, uploadCode } from '../support/bots.ts';
import { testKeeping, type TestKeeping } from '../support/keeping.ts';
import { roleContext } from '../support/runner.ts';
import { testServers } from '../support/servers.ts';

export type HooksWorld = AsyncDisposable & {
  readonly engine: FakeEngine;
  readonly services: Services;
  readonly keeping: TestKeeping;
  /** A bot that is to run. */
  bot(): Promise<string>;
  /** One pass, as a job would make it: the queue and its delays are left out. */
  pass(botId: string, drain?: AbortSignal): Promise<Outcome>;
  /** The same after every back-off has run out. */
  later(botId: string): Promise<Outcome>;
  status(botId: string): Promise<BotStatus>;
  container(botId: string): ReturnType<FakeEngine['inspect']>;
  setConfig(botId: string, config: Record<string, unknown>): Promise<void>;
};

/** Passes over bots, made by hand, on a fake engine. */
export async function openHooksWorld(): Promise<HooksWorld> {
  const servers = testServers();
  const engine = createFakeEngine({ installation: servers.installation, images: ['python:3.11-slim'] });
  const context = roleContext({ environment: servers.environment, engine });
  const services = await openServices(context);
  const keeping = testKeeping();
  const starts = { ...(await launching(context, services)), keeping };
  const filePath = await uploadCode(servers, { 'main.py': 'def main(bot_id, config):\n    pass\n' });
  const { collections } = services;
  let aheadMs = 0;
  const deps: ConvergeDeps = {
    wishes: new DesiredReader(collections),
    statuses: collections.status,
    engine,
    sameEngine: starts.sameEngine,
    launcher: new Launcher(starts),
    keeping,
    owner: 'hooks',
    policy: {
      // Over for no pass but a `later` one, however slow the machine.
      backoff: { firstMs: 60_000, maxMs: 300_000 },
      stableAfterMs: 600_000,
      stopGraceMs: 500,
      lastOutputLines: 10,
    },
    defer: async () => undefined,
    withdraw: async () => undefined,
    clock: { now: () => new Date(Date.now() + aheadMs), random: () => 0.5 },
  };
  const pass = (botId: string, drain = new AbortController().signal): Promise<Outcome> =>
    converge(deps, botId, { drain });
  return {
    engine,
    services,
    keeping,
    async bot() {
      const id = newBotId();
      await collections.bots.insertOne(botDocument(id, { filePath }));
      return id;
    },
    pass,
    async later(botId) {
      aheadMs += 3_600_000;
      return pass(botId);
    },
    async status(botId) {
      const status = await collections.status.findOne({ _id: botId });
      if (status === null) throw new Error(`There is no status of ${botId}`);
      return status;
    },
    container: (botId) => engine.inspect(containerName(engine.installation, botId)),
    async setConfig(botId, config) {
      const set = Object.fromEntries(Object.entries(config).map(([key, value]) => [`config.${key}`, value]));
      await collections.bots.updateOne({ id: botId }, { $set: set });
    },
    async [Symbol.asyncDispose]() {
      await context.lifecycle.stop({ kind: 'request', why: 'the test is over' });
    },
  };
}
