import { describe } from 'vitest';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import { createLogger } from '../../infra/logger.ts';
import { usageCases } from './cases/usage.ts';
import { shellCommand, testImage } from './shell.ts';

const log = createLogger({ level: 'silent', service: 'test' });

describe('docker engine whose kernel is not seen here', () => {
  usageCases({
    name: 'by its own figures',
    open: (installation) => createDockerEngine({ installation, log, localUsage: false }),
    unreachable: () => [],
    image: testImage,
    command: shellCommand,
  });
});
