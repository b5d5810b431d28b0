import { LaunchRefused, shown } from './errors.ts';
import { PATHS } from './paths.ts';
import type { Runtime } from './types.ts';

/** A class name as the JVM takes it; above all, nothing that it would take for an option. */
const CLASS_NAME = /^[\p{L}_$][\p{L}\p{N}_$]*(\.[\p{L}_$][\p{L}\p{N}_$]*)*$/u;

export const scala3: Runtime = {
  id: 'scala3',
  aliases: [],
  image: (settings) => settings.IMAGE_SCALA,
  launcher: 'launch.sh',
  interpreter: ['/bin/sh'],
  direct: [],
  env: {},
  /** `x.jar` runs the jar's own main class, `x.jar:Main` another one. */
  entry: (path, field) => {
    const colon = path.lastIndexOf(':');
    const file = colon === -1 ? path : path.slice(0, colon);
    const mainClass = colon === -1 ? undefined : path.slice(colon + 1);
    if (!file.endsWith('.jar') || (mainClass !== undefined && !CLASS_NAME.test(mainClass)))
      throw new LaunchRefused(
        'bad_entry_point',
        field,
        `${field} is ${shown(path)}; for scala3 give the assembled jar ("target/bot.jar"), or the jar and a class ("target/bot.jar:Main")`,
      );
    const jar = `${PATHS.work}/${file}`;
    return {
      file,
      program: mainClass === undefined ? ['java', '-jar', jar] : ['java', '-cp', jar, mainClass],
      executable: false,
    };
  },
};
