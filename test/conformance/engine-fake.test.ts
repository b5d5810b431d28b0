import { createFakeEngine, FakeHost, fakeProgram } from '../../infra/engine/fake/index.ts';
import { engineConformance } from './engine.ts';

const host = new FakeHost({ images: ['test:1'] });

engineConformance({
  name: 'fake engine',
  open: (installation) => createFakeEngine({ installation, host }),
  unreachable: () => {
    const away = new FakeHost();
    away.faults.setUnavailable(true);
    return [createFakeEngine({ installation: 'away', host: away })];
  },
  image: async (engine) => (await engine.resolveImage('test:1')) ?? '',
  command: fakeProgram,
});
