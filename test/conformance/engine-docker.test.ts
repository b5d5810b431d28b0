import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import { createLogger } from '../../infra/logger.ts';
import { engineConformance } from './engine.ts';
import { shellCommand, testImage } from './shell.ts';

const log = createLogger({ level: 'silent', service: 'test' });

engineConformance({
  name: 'docker engine',
  open: (installation) => createDockerEngine({ installation, log }),
  unreachable: () => [
    createDockerEngine({ installation: 'away', log, dockerHost: 'unix:///no/such/docker.sock' }),
    createDockerEngine({ installation: 'away', log, dockerHost: 'tcp://127.0.0.1:1' }),
  ],
  image: testImage,
  command: shellCommand,
});
