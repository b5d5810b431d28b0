import { afterAll } from 'vitest';
import { connectFakeEngine, fakeProgram, serveFakeEngine } from '../../infra/engine/fake/index.ts';
import { engineConformance } from './engine.ts';

const server = await serveFakeEngine({ images: ['test:1'] });
afterAll(() => server.close());

engineConformance({
  name: 'fake engine behind a connection',
  open: (installation) => connectFakeEngine({ url: server.url, installation }),
  unreachable: () => [connectFakeEngine({ url: 'fake://127.0.0.1:1', installation: 'away' })],
  image: async (engine) => (await engine.resolveImage('test:1')) ?? '',
  command: fakeProgram,
});
