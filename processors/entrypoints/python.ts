import { PATHS } from './paths.ts';
import type { Runtime } from './types.ts';

export const python311: Runtime = {
  id: 'python3.11',
  aliases: [],
  image: (settings) => settings.IMAGE_PYTHON,
  launcher: 'launch.py',
  interpreter: ['python3'],
  direct: ['python3'],
  env: {
    PYTHONPATH: `${PATHS.work}/vendor:${PATHS.work}`,
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONUNBUFFERED: '1',
    // A crash in a C extension then leaves a stack on stderr.
    PYTHONFAULTHANDLER: '1',
  },
  entry: (path) => ({ file: path, program: [], executable: false }),
};
