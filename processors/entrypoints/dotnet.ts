import { LaunchRefused, shown } from './errors.ts';
import { PATHS } from './paths.ts';
import type { Runtime } from './types.ts';

export const dotnet8: Runtime = {
  id: 'dotnet8',
  aliases: [],
  image: (settings) => settings.IMAGE_DOTNET,
  launcher: 'launch.sh',
  interpreter: ['/bin/sh'],
  direct: [],
  env: { DOTNET_CLI_TELEMETRY_OPTOUT: '1', DOTNET_NOLOGO: '1' },
  /** A published assembly. Building a project from source would take an SDK and a writable code directory. */
  entry: (path, field) => {
    if (!path.endsWith('.dll'))
      throw new LaunchRefused(
        'bad_entry_point',
        field,
        `${field} is ${shown(path)}; for dotnet8 give the published assembly, such as "bin/Release/net8.0/publish/Bot.dll"`,
      );
    return { file: path, program: ['dotnet', `${PATHS.work}/${path}`], executable: false };
  },
};
