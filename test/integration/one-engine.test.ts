import { MongoClient } from 'mongodb';
import { afterAll, expect, it } from 'vitest';
import { AnotherEngine, AnotherInstallation, assertOneEngine } from '../../cli/roles/one-engine.ts';
import { createFakeEngine } from '../../infra/engine/fake/index.ts';
import type { InstallationDocument } from '../../infra/mongo/collections.ts';
import { testServers } from '../support/servers.ts';

const servers = testServers();
const client = new MongoClient(servers.mongoUri);
const facts = client.db(servers.databases.runtime).collection<InstallationDocument>('installation');
const engineOf = (installation: string) => createFakeEngine({ installation });
afterAll(() => client.close());

it('binds databases, installation and engine at first use, and refuses every other', async () => {
  const engine = engineOf('t-one');
  await assertOneEngine(engine, facts);
  await assertOneEngine(engine, facts);
  await expect(assertOneEngine(engineOf('t-one'), facts)).rejects.toThrow(AnotherEngine);
  await expect(assertOneEngine(engineOf('t-two'), facts)).rejects.toThrow(AnotherInstallation);
});
