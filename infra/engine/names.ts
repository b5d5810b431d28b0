import { createHash } from 'node:crypto';
import { SpecRefused } from './errors.ts';

const INSTALLATION = /^[a-z0-9][a-z0-9-]{0,30}$/;
const OBJECT_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const LONGEST_NAME = 200;

export function requireInstallation(installation: string): string {
  if (!INSTALLATION.test(installation))
    throw new SpecRefused('installation', installation, 'use 1 to 31 lower-case letters, digits and "-"');
  return installation;
}

/** Whether any engine could have something of that name or id. */
export function isObjectName(text: string): boolean {
  return OBJECT_NAME.test(text);
}

/** A name of this installation's own, as the engine accepts it: `<installation>_…`. Throws `SpecRefused`. */
export function requireOwnName(field: string, installation: string, name: string): string {
  if (!name.startsWith(`${installation}_`))
    throw new SpecRefused(field, name, `names of this installation start with "${installation}_"`);
  if (!OBJECT_NAME.test(name) || name.length > LONGEST_NAME)
    throw new SpecRefused(field, name, `use at most ${LONGEST_NAME} letters, digits, "_", "." and "-"`);
  return name;
}

export const networkName = (installation: string): string => `${installation}_bots`;

/** A kernel interface name holds 15 bytes, an installation's name 31: so the bridge is named by a hash. */
export const bridgeName = (installation: string): string => `the0-${shortHash(installation)}`;

/** The same for an internal network, by its name. */
export const internalBridgeName = (network: string): string => `the0i-${shortHash(network)}`;

/** 8 hex digits. */
export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
