// Which Node runs the project: its own if it was installed, else the one we are in, if that is new enough.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BootError } from './boot-error.mjs';

const NEEDED_MAJOR = 24;

export function findNode(
  root,
  { version = process.versions.node, self = process.execPath, exists = existsSync } = {},
) {
  const platformPackage = `node-${process.platform}-${process.arch}`;
  const own = [
    join(root, 'node_modules', 'node', 'bin', 'node'),
    join(root, 'node_modules', platformPackage, 'bin', 'node'),
    // Where the package `node` leaves it when its install script, which moves it up, was not allowed to run.
    join(root, 'node_modules', 'node', 'node_modules', platformPackage, 'bin', 'node'),
  ].find((path) => exists(path));
  if (own !== undefined) return own;
  if (Number(version.split('.')[0]) >= NEEDED_MAJOR) return self;
  throw new BootError(
    `Node ${NEEDED_MAJOR} is needed, and this is Node ${version}. The npm package "node" brings it, but did not (are install scripts switched off? see "npm config get ignore-scripts").\n` +
      `Run "npm rebuild node --ignore-scripts=false", or install Node ${NEEDED_MAJOR}.`,
  );
}
