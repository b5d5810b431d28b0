import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../infra/config/load.ts';
import { createFakeEngine } from '../../infra/engine/fake/index.ts';
import { createLogger } from '../../infra/logger.ts';
import { NoCode } from '../code/errors.ts';
import { ForeignContainers } from '../foreign.ts';
import { Images } from '../images.ts';
import { prepare, type PrepareDeps, type Preparation } from './prepare.ts';

const IMAGE = 'python:3.11-slim';
const engine = createFakeEngine({ installation: 't-prepare', images: [IMAGE] });
const log = createLogger({ level: 'silent', service: 'test' });

function deps(changes: Partial<PrepareDeps>): PrepareDeps {
  return {
    engine,
    images: new Images({ engine, log }),
    foreign: new ForeignContainers({ engine }),
    sameEngine: async () => undefined,
    egress: async () => ({ allowed: true, reason: 'filtered' }),
    code: {
      ensure: async () => ({
        codeId: 'c',
        volume: 'v',
        manifest: MANIFEST,
        totals: { entries: 1, bytes: 1 },
      }),
    },
    settings: loadSettings({ IMAGE_PYTHON: IMAGE }),
    ...changes,
  };
}

const MANIFEST = [{ path: 'main.py', directory: false, executable: false }];
const bot: Preparation['bot'] = {
  id: 'b1',
  config: {},
  custom: { filePath: 'k', config: { runtime: 'python3.11', entrypoints: { bot: 'main.py' } } },
};
const wanted = new AbortController().signal;
const preparation: Preparation = { bot, botType: 'realtime', step: (_reason, work) => work(wanted) };

describe('prepare', () => {
  it('gets the code while the network is looked at', async () => {
    const looked = Promise.withResolvers<{ allowed: boolean; reason: string }>();
    const { code } = deps({});
    const prepared = await prepare(
      deps({
        egress: () => looked.promise,
        code: {
          ensure: (request) => {
            looked.resolve({ allowed: true, reason: 'filtered' });
            return code.ensure(request);
          },
        },
      }),
      preparation,
    );
    expect(prepared).toMatchObject({ codeId: 'c', launch: { entryFile: 'main.py' } });
  });

  it('stops getting the code, and says why, when the network turns out not to be filtered', async () => {
    const looked = Promise.withResolvers<{ allowed: boolean; reason: string }>();
    const stopped = prepare(
      deps({
        egress: () => looked.promise,
        code: {
          ensure: async ({ signal }) => {
            looked.resolve({ allowed: false, reason: 'nobody filters' });
            await new Promise((resolve) => signal?.addEventListener('abort', resolve));
            throw signal?.reason;
          },
        },
      }),
      preparation,
    );
    await expect(stopped).rejects.toMatchObject({ code: 'egress_unfiltered', message: 'nobody filters' });
  });

  it('does not wait for the network to say that there is no code, and is not bothered by what it says later', async () => {
    const looked = Promise.withResolvers<{ allowed: boolean; reason: string }>();
    const stopped = prepare(
      deps({ egress: () => looked.promise, code: { ensure: () => Promise.reject(new NoCode()) } }),
      preparation,
    );
    await expect(stopped).rejects.toBeInstanceOf(NoCode);
    looked.reject(new Error('the engine is away'));
    await new Promise(setImmediate);
  });
});
