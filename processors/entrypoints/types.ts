import type { Settings } from '../../infra/config/settings.ts';

/** The files in `launchers/`: each prepares the working directory and then starts the bot. */
export type LauncherName = 'launch.py' | 'launch.cjs' | 'launch.sh';

/** How bots of one runtime are started. To add one: a file that exports this, and a line in `index.ts`. */
export type Runtime = {
  /** `runtime` in bot-config.yaml. */
  id: string;
  aliases: readonly string[];
  image: (settings: Settings) => string;
  launcher: LauncherName;
  /** The interpreter (and its options) that runs the launcher. */
  interpreter: readonly string[];
  /** What runs a file of it without the launcher; empty where the entry point is a program of its own. */
  direct: readonly string[];
  /** Variables that this runtime needs besides the common ones. */
  env: Readonly<Record<string, string>>;
  /** Reads an entry point whose path has been checked. Throws `LaunchRefused`. */
  entry: (path: string, field: string) => RuntimeEntry;
};

export type RuntimeEntry = {
  /** Path inside the archive that must be a file. */
  file: string;
  /** The program that `launch.sh` becomes; the other launchers load `SCRIPT_PATH` themselves. */
  program: readonly string[];
  /** True where the kernel executes the file itself. */
  executable: boolean;
};

/** A file of the launch volume. */
export type LaunchFile = { name: string; mode: number; uid: number; gid: number; content: Buffer };

/** `BOT_TYPE`. */
export type BotType = 'realtime' | 'scheduled';

/** Everything that starting a bot adds to its container; a pure function of the bot's description. */
export type LaunchPlan = {
  command: readonly string[];
  /** The container's environment, for all to see who may inspect it: no configuration in it. */
  env: Readonly<Record<string, string>>;
  workingDir: string;
  /** Written into the launch volume before the start. */
  files: readonly LaunchFile[];
  /** Paths in the code that must have the executable bit. */
  executablePaths: readonly string[];
  /** Path in the code that must be a file. */
  entryFile: string;
};
