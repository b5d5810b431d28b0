import { pack, extract } from 'tar-stream';
import { loadSettings } from '../../infra/config/load.ts';
import type { ContainerDetail, Engine } from '../../infra/engine/port.ts';
import type { BotConfig } from '../../model/bots.ts';
import { botLabels, LABEL } from '../../model/labels.ts';
import { botLimits } from '../../model/limits.ts';
import { botSpec, operatorLimits } from '../../processors/bot-spec.ts';
import { runtimeOf } from '../../processors/entrypoints/index.ts';
import { PATHS } from '../../processors/entrypoints/paths.ts';
import { planLaunch } from '../../processors/entrypoints/plan.ts';
import { tarOf } from '../../processors/entrypoints/tar.ts';
import { ensureStateOwnership } from '../../processors/state-volume.ts';
import { until } from './poll.ts';

export type ContainerBot = {
  botId: string;
  runtime: string;
  entry: string;
  code: Readonly<Record<string, string | Buffer>>;
  config: BotConfig;
};

export type FinishedBot = { output: string; detail: ContainerDetail; result: string };

/**
 * Runs a bot in a real container, made as a processor makes it, without database and queue. With `stopAt`, it is
 * stopped once its output holds that word; else it must end by itself.
 */
export async function runInContainer(
  engine: Engine,
  bot: ContainerBot,
  stopAt?: string,
): Promise<FinishedBot> {
  const settings = loadSettings({});
  const limits = botLimits(bot.config, operatorLimits(settings));
  if (!limits.ok) throw new Error(limits.problems.join('\n'));
  const launch = planLaunch({
    ...bot,
    botType: 'realtime',
    entrypoints: { bot: bot.entry },
    codeFile: 'owner/bot/1.0.0',
  });
  const reference = runtimeOf(bot.runtime).image(settings);
  const image = await engine.resolveImage(reference);
  if (image === undefined) throw new Error(`The engine has no image ${reference}: run "npm run images"`);
  const codeVolume = { name: `${engine.installation}_code_${bot.botId}`, labels: { [LABEL.code]: 'c' } };
  const labels = botLabels({
    botId: bot.botId,
    entrypoint: bot.entry,
    runtime: bot.runtime,
    fingerprint: 'f',
    token: 1,
    restarts: 0,
    code: 'c',
  });
  const spec = botSpec({
    installation: engine.installation,
    botId: bot.botId,
    launch,
    limits: limits.limits,
    image,
    codeVolume,
    labels,
    settings,
  });

  const code = spec.volumes
    .filter(({ path }) => path === PATHS.code)
    .map((volume) => ({ ...volume, readOnly: false }));
  const helper = await engine.create({
    ...spec,
    name: `${spec.name}-code`,
    kind: 'helper',
    readOnlyRoot: false,
    volumes: code,
    tmpfs: [],
  });
  await engine.writeArchive(helper, PATHS.code, await codeTar(bot.code));
  await engine.remove(helper);

  const id = await engine.create(spec);
  await ensureStateOwnership(engine, { id, spec }, `${bot.botId}-state`, new AbortController().signal);
  await engine.writeArchive(id, PATHS.run, await tarOf(launch.files));
  await engine.start(id);
  if (stopAt !== undefined) {
    await until(async () => (await output(engine, id)).includes(stopAt), { timeoutMs: 30_000, everyMs: 50 });
    await engine.stop(id, 15_000);
  }
  await engine.wait(id);
  const detail = await engine.inspect(id);
  if (detail === undefined) throw new Error('the container is gone');
  return { output: await output(engine, id), detail, result: await resultOf(engine, id) };
}

async function output(engine: Engine, id: string): Promise<string> {
  let text = '';
  for await (const line of engine.logs(id, {})) text += `${line.data.toString().trimEnd()}\n`;
  return text;
}

async function codeTar(files: ContainerBot['code']): Promise<Buffer> {
  const archive = pack();
  for (const [name, content] of Object.entries(files)) archive.entry({ name, mode: 0o755 }, content);
  archive.finalize();
  return collect(archive);
}

async function resultOf(engine: Engine, id: string): Promise<string> {
  const unpacked = extract();
  (await engine.readArchive(id, `${PATHS.run}/result.json`)).pipe(unpacked);
  let text = '';
  for await (const entry of unpacked) text = (await collect(entry)).toString();
  return text;
}

async function collect(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
