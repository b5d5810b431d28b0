import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scheduleOperator } from '../../infra/config/schedule-operator.ts';
import { ensureEventsStream, publishEvent } from '../../infra/nats/platform-stream.ts';
import { S3Client, s3Options } from '../../infra/s3/client.ts';
import { ObjectMissing } from '../../infra/s3/errors.ts';
import { botIdProblem } from '../../model/bots.ts';
import { withJetStream, withMongo } from '../connections.ts';
import { CliError, EXIT } from '../errors.ts';
import type { Target } from '../target.ts';
import type { Archive } from './archive.ts';
import type { BotConfigFile } from './bot-config.ts';
import { codeKey, deployedPayload, instanceConfig, subjectOf, type EventKind } from './event.ts';
import { newBotId } from './id.ts';
import { findKnown } from './known.ts';
import { prepare } from './prepare.ts';
import { checkSchedule } from './schedule.ts';

export type DeployOptions = {
  path: string;
  id?: string;
  configPath?: string;
  say: (line: string) => void;
  buildOutput?: 'inherit' | 'stderr';
};

export type Deployed = {
  id: string;
  event: EventKind;
  type: string;
  name: string;
  version: string;
  filePath: string;
  bytes: number;
  files: number;
  sha256: string;
};

/** Does what the platform does at a deployment: checks, uploads, publishes. */
export async function deploy(target: Target, options: DeployOptions): Promise<Deployed> {
  const problem = options.id === undefined ? undefined : botIdProblem(options.id);
  if (problem !== undefined) throw new CliError(`--id: ${problem}`, EXIT.usage);
  const workDir = await mkdtemp(join(tmpdir(), 'the0-deploy-'));
  try {
    return await deployFrom(workDir, target, options);
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

async function deployFrom(workDir: string, target: Target, options: DeployOptions): Promise<Deployed> {
  const { path, configPath, say, buildOutput = 'inherit' } = options;
  const { definition, archive, files, instance } = await prepare({
    path,
    say,
    workDir,
    buildOutput,
    ...(configPath === undefined ? {} : { configPath }),
  });
  const { file } = definition;
  const config = instanceConfig(file, instance);
  const id = options.id ?? newBotId();
  if (file.type === 'scheduled') checkSchedule(id, config, scheduleOperator(target.settings));
  if (options.id !== undefined) await checkUpdate(target, options.id, file);
  const event = options.id === undefined ? 'created' : 'updated';
  const subject = subjectOf(file.type, event);
  const key = codeKey(file);
  say(
    (await upload(target, key, archive)) === 'uploaded'
      ? `uploaded ${files} files, ${archive.bytes} bytes, as ${key}`
      : `${key} is there already, unchanged`,
  );
  const payload = deployedPayload(id, config, definition, new Date().toISOString());
  await publish(target, subject, payload);
  return {
    id,
    event,
    type: file.type,
    name: file.name,
    version: file.version,
    filePath: key,
    bytes: archive.bytes,
    files,
    sha256: archive.sha256,
  };
}

/** Creates the platform's stream where it is absent, and publishes once it is sure to be stored. */
export async function publish(target: Target, subject: string, payload: object): Promise<void> {
  await withJetStream(target, async (js, jsm, maxPayload) => {
    const bytes = Buffer.byteLength(JSON.stringify(payload));
    if (bytes > maxPayload)
      throw new CliError(
        `The event would have ${bytes} bytes and NATS takes ${maxPayload}: make the bot’s configuration, readme or schema smaller`,
      );
    await ensureEventsStream(jsm);
    await publishEvent(js, subject, payload);
  });
}

/**
 * A chosen id is published as `updated`, known or not: that makes what is not there (contract §2.5), while a `created` is
 * ignored where another came before it that MongoDB does not show yet. Like the platform, not across a major version.
 */
async function checkUpdate(
  target: Target,
  id: string,
  { type, version }: Pick<BotConfigFile, 'type' | 'version'>,
): Promise<void> {
  const known = await withMongo(target, (all) => findKnown(all, id));
  if (known === undefined) return;
  if (known.type !== type)
    throw new CliError(
      `${id} is a ${known.type} bot, and this one is ${type}: leave --id out, or undeploy that one first`,
    );
  const major = (text: string) => text.split('.')[0];
  const before = known.version;
  if (before !== undefined && major(before) !== major(version))
    throw new CliError(
      `Bot ${id} runs version ${before}: the platform refuses to change the major version in place. Undeploy it and deploy ${version} anew`,
    );
}

/** A version's code never changes: the runtime tells versions by their key. */
async function upload(target: Target, key: string, archive: Archive): Promise<'uploaded' | 'present'> {
  const bucket = target.settings.S3_CODE_BUCKET;
  using s3 = new S3Client(s3Options(target.settings));
  await s3.ensureBucket(bucket);
  const stored = await s3.stat(bucket, key).catch((error: unknown) => {
    if (error instanceof ObjectMissing) return undefined;
    throw error;
  });
  if (stored !== undefined) {
    if (stored.metadata['sha256'] === archive.sha256) return 'present';
    throw new CliError(`${key} was deployed before with other code: raise "version" in bot-config.yaml`);
  }
  const handle = await open(archive.path);
  try {
    await s3.put(bucket, key, handle.createReadStream({ autoClose: false }), {
      bytes: archive.bytes,
      contentType: 'application/zip',
      headers: { 'X-Amz-Meta-X-Upload-Source': 'the0-runtime-deploy', 'X-Amz-Meta-Sha256': archive.sha256 },
    });
  } finally {
    await handle.close();
  }
  return 'uploaded';
}
