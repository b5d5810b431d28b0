import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import { EngineRefused, PullFailed } from '../../infra/engine/errors.ts';
import { createLogger } from '../../infra/logger.ts';
import { newInstallation } from './target.ts';
import { TinyRegistry } from './tiny-registry.ts';

/** Docker lets registries on loopback do without TLS, so a real pull needs no network. */
describe('pulling an image', () => {
  const installation = newInstallation();
  const engine = createDockerEngine({
    installation,
    log: createLogger({ level: 'silent', service: 'test' }),
  });
  const registry = new TinyRegistry(`${installation}/tiny`);
  const auth = () => ({
    username: registry.username,
    password: registry.password,
    serverAddress: registry.address,
  });

  beforeAll(() => registry.listen());
  afterAll(async () => {
    await docker('DELETE', `/images/${registry.reference}?force=true`);
    await registry.close();
    await engine[Symbol.asyncDispose]();
  });

  it('fails without credentials and with wrong ones, which it does not repeat', async () => {
    await expect(engine.pullImage(registry.reference)).rejects.toBeInstanceOf(PullFailed);
    const wrong = { ...auth(), password: 'not-the-password' };
    const error = await engine
      .pullImage(registry.reference, { auth: wrong })
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(PullFailed);
    expect(String(error)).not.toContain('not-the-password');
  });

  it('that the registry does not have fails with the engine’s reason', async () => {
    const error = await engine
      .pullImage(`${registry.reference}2`, { auth: auth() })
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(PullFailed);
    expect(String(error)).toMatch(/not found|unknown/);
  });

  it('resolves to the id that is present from then on', async () => {
    expect(await engine.resolveImage(registry.reference)).toBeUndefined();
    const id = await engine.pullImage(registry.reference, { auth: auth() });
    expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(await engine.resolveImage(registry.reference)).toBe(id);
    expect(await engine.pullImage(registry.reference, { auth: auth() })).toBe(id);
  });

  it('is undone by the removal of the image, but for one that has another name, and never by a name', async () => {
    const id = await engine.pullImage(registry.reference, { auth: auth() });
    const other = `${installation}/other:1`;
    await docker('POST', `/images/${encodeURIComponent(id)}/tag?repo=${installation}/other&tag=1`);
    expect(await engine.removeImage(id)).toBe(false);
    expect(await engine.resolveImage(registry.reference)).toBe(id);
    await docker('DELETE', `/images/${other}`);
    await expect(engine.removeImage(registry.reference)).rejects.toThrow(EngineRefused);
    expect(await engine.removeImage(id)).toBe(true);
    expect(await engine.resolveImage(registry.reference)).toBeUndefined();
    expect(await engine.removeImage(id)).toBe(true);
  });

  it('can be given up', async () => {
    const signal = AbortSignal.abort(new Error('nobody wants it any more'));
    await expect(engine.pullImage(registry.reference, { signal })).rejects.toThrow(
      'nobody wants it any more',
    );
  });
});

function docker(method: string, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    request({ socketPath: '/var/run/docker.sock', method, path }, (answer) => {
      answer.resume().on('end', resolve);
    })
      .on('error', reject)
      .end();
  });
}
