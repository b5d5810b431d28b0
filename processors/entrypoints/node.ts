import type { Runtime } from './types.ts';

export const nodejs20: Runtime = {
  id: 'nodejs20',
  aliases: [],
  image: (settings) => settings.IMAGE_NODE,
  launcher: 'launch.cjs',
  // Without the option __dirname would be the read-only code volume instead of the writable /bot.
  interpreter: ['node', '--preserve-symlinks'],
  direct: ['node', '--preserve-symlinks', '--preserve-symlinks-main'],
  env: {},
  entry: (path) => ({ file: path, program: [], executable: false }),
};
