import { describe } from 'vitest';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import { createLogger } from '../../infra/logger.ts';
import { volumeFileCases } from './cases/volume-files.ts';
import { shellCommand, testImage } from './shell.ts';

const log = createLogger({ level: 'silent', service: 'test' });

describe('docker engine whose volumes cannot be read here', () => {
  volumeFileCases({
    name: 'by helper',
    open: (installation) => createDockerEngine({ installation, log, localVolumes: false }),
    unreachable: () => [],
    image: testImage,
    command: shellCommand,
  });
});
