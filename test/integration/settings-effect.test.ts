import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { createFakeEngine } from '../../infra/engine/fake/index.ts';
import type { ContainerSpec } from '../../infra/engine/port.ts';
import { botDocument, newBotId, statusOf, uploadCode } from '../support/bots.ts';
import { startTestRunner } from '../support/runner.ts';
import { testDirectory, testServers } from '../support/servers.ts';

const servers = testServers();
const engine = createFakeEngine({ installation: servers.installation });
const { NATS_URL: _unused, ...environment } = servers.environment;
afterAll(() => engine[Symbol.asyncDispose]());

it('the seccomp profile that the setting names is the bot’s', async () => {
  const directory = testDirectory();
  mkdirSync(directory, { recursive: true });
  const path = join(directory, 'profile.json');
  const profile = JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [] });
  writeFileSync(path, profile);
  const specs: ContainerSpec[] = [];
  const create = engine.create.bind(engine);
  engine.create = (spec, options) => {
    specs.push(spec);
    return create(spec, options);
  };
  await engine.control.addImage('python:3.11-slim');
  const filePath = await uploadCode(servers, { 'main.py': '' });
  await using runner = await startTestRunner({
    environment: { ...environment, BOT_SECCOMP_PROFILE: path },
    engine,
  });
  const botId = newBotId();
  await runner.services.collections.bots.insertOne(botDocument(botId, { filePath }));
  await statusOf(runner.services.collections.status, botId, (status) => status.phase === 'running');
  expect(specs.find((spec) => spec.kind === 'bot')?.seccompProfile).toBe(profile);
});

it('a seccomp profile that cannot be read stops the start, with the setting’s name', async () => {
  const starting = startTestRunner({
    environment: { ...environment, BOT_SECCOMP_PROFILE: '/nowhere/profile.json' },
    engine,
  });
  await expect(starting).rejects.toThrow(/BOT_SECCOMP_PROFILE="\/nowhere\/profile\.json"/);
});
