import { commandEnvironment, findTarget } from '../target.ts';
import { loadSettings, type Environment } from '../../infra/config/load.ts';
import type { Api } from './api.ts';
import type { Where } from './failure.ts';

export type ServerFlags = { server?: string; tokenFile?: string };

/** `tell`: what a command says of an error, for those that go on after one. */
export type ApiWork<T> = (api: Api, tell: (error: unknown) => Promise<unknown>) => Promise<T>;

/**
 * Runs `work` with the control API: that of `--server` or THE0_SERVER, else as this process answers it itself, on the
 * servers of the environment or of the running `up`. Closes what it opened, whatever happens.
 * @throws CliError with what was refused, and the exit code for its kind
 */
export async function withApi<T>(flags: ServerFlags, work: ApiWork<T>): Promise<T> {
  const environment = apiEnvironment(flags);
  // Loaded only now, so that commands that need none of it answer sooner.
  const { apiOver } = await import('./api.ts');
  if (namesServer(environment)) {
    const { openRemote } = await import('./remote.ts');
    await using remote = openRemote(loadSettings(environment));
    return await speaking(apiOver(remote.transport), { server: remote.server }, work);
  }
  const target = findTarget(flags, environment);
  const { withinProcess } = await import('./in-process.ts');
  return withinProcess(target, (transport) => speaking(apiOver(transport), { origin: target.origin }, work));
}

/** Whether a control API elsewhere is to be asked. */
export const isElsewhere = (flags: ServerFlags): boolean => namesServer(apiEnvironment(flags));

const namesServer = (environment: Environment): boolean => (environment['THE0_SERVER'] ?? '') !== '';

async function speaking<T>(api: Api, where: Where, work: ApiWork<T>): Promise<T> {
  const tell = async (error: unknown): Promise<unknown> => {
    const { told } = await import('./failure.ts');
    return told(error, where, api);
  };
  try {
    return await work(api, tell);
  } catch (error) {
    throw await tell(error);
  }
}

/** A flag outranks also the other way to give the same. */
function apiEnvironment(flags: ServerFlags): Environment {
  const environment = commandEnvironment(flags);
  return flags.tokenFile === undefined ? environment : { ...environment, THE0_TOKEN: undefined };
}
