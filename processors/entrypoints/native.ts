import { PATHS } from './paths.ts';
import type { Runtime } from './types.ts';

/** Bots that are executables: the file is run as it is. */
const native = (own: Pick<Runtime, 'id' | 'aliases' | 'image'>): Runtime => ({
  ...own,
  launcher: 'launch.sh',
  interpreter: ['/bin/sh'],
  direct: [],
  env: {},
  entry: (path) => ({ file: path, program: [`${PATHS.work}/${path}`], executable: true }),
});

export const rustStable = native({
  id: 'rust-stable',
  aliases: [],
  image: (settings) => settings.IMAGE_RUST,
});
export const gcc13 = native({ id: 'gcc13', aliases: ['cpp-gcc13'], image: (settings) => settings.IMAGE_CPP });
export const ghc96 = native({ id: 'ghc96', aliases: [], image: (settings) => settings.IMAGE_HASKELL });
