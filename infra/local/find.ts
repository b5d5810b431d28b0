import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { SERVERS } from './catalogue.ts';
import { runCommand } from './command.ts';
import { WayBlocked } from './errors.ts';
import type { Environment, ServerKind } from './types.ts';
import { messageOf } from '../message-of.ts';

export type FoundProgram = { path: string; version: string };

/** The first of `programs` in a directory of the PATH, preferring earlier names; undefined: none. */
export function findOnPath(programs: readonly string[], path: string | undefined): string | undefined {
  for (const program of programs) {
    for (const directory of (path ?? '').split(delimiter)) {
      if (directory === '') continue;
      const candidate = join(directory, program);
      if (isExecutable(candidate)) return candidate;
    }
  }
  return undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return existsSync(path);
  } catch {
    return false;
  }
}

/** The first dotted number in what a program says of its version, such as `6.0.5`. */
export function parseVersion(output: string): string | undefined {
  return /\d+\.\d+(?:\.\d+)?/.exec(output)?.[0];
}

export function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

/** Runs the program for its version: a program that cannot run here, or is too old, is no find. */
export async function examine(
  kind: ServerKind,
  path: string,
  environment: Environment,
): Promise<FoundProgram> {
  const { atLeast, versionArguments } = SERVERS[kind];
  let output: string;
  try {
    const result = await runCommand(path, versionArguments, { environment, timeoutMs: 15_000 });
    output = result.output;
    if (result.code !== 0)
      throw new Error(output.trim().split('\n')[0] ?? `it ended with code ${result.code}`);
  } catch (error) {
    throw new WayBlocked(`${path} does not run: ${messageOf(error)}`, missingLibraryCure(messageOf(error)), {
      cause: error,
    });
  }
  const version = parseVersion(output);
  if (version === undefined) throw new WayBlocked(`${path} does not say its version`);
  if (!isAtLeast(version, atLeast))
    throw new WayBlocked(`${path} is version ${version}, and ${atLeast.join('.')} or later is needed`);
  return { path, version };
}

function missingLibraryCure(message: string): string | undefined {
  if (message.includes('libcurl')) return 'apt-get install -y libcurl4';
  if (message.includes('libssl') || message.includes('libcrypto')) return 'apt-get install -y libssl3';
  return undefined;
}
