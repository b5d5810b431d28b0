import { createHmac } from 'node:crypto';
import type { SettingDefinition } from '../../../infra/config/define.ts';
import { SETTINGS, type SettingName, type Settings } from '../../../infra/config/settings.ts';

/** A secret by the name of its setting. The value never leaves this process. */
export type Secret = { name: SettingName; value: string };
/** What the probe bot is told of one: enough to know it again, not enough to know it. */
export type SecretDigest = { name: SettingName; bytes: number; digest: string };
export type Leak = { name: SettingName; where: string };

/** Shorter ones would be found everywhere by chance. */
const SHORTEST = 5;

/** Every secret that is set; of an address the password in it, also as it is written there. */
export function secretsOf(settings: Settings): Secret[] {
  const definitions = Object.entries(SETTINGS as Record<string, SettingDefinition>);
  const names = definitions.filter(([, { secret }]) => secret === true).map(([name]) => name as SettingName);
  const secrets = names.flatMap((name) => {
    const value = settings[name];
    if (typeof value !== 'string') return [];
    return (value.includes('://') ? passwordsIn(value) : [value]).map((each) => ({ name, value: each }));
  });
  return secrets.filter(({ value }) => value.length >= SHORTEST);
}

function passwordsIn(address: string): string[] {
  const [, written] = /^[a-z0-9+.-]+:\/\/(?:[^:@/]*):([^@/]*)@/i.exec(address) ?? [];
  if (written === undefined || written === '') return [];
  try {
    return [...new Set([written, decodeURIComponent(written)])];
  } catch {
    return [written];
  }
}

/** `salt` makes the digests worth nothing beyond this probe. */
export function digestsOf(secrets: readonly Secret[], salt: Buffer): SecretDigest[] {
  return secrets.map(({ name, value }) => {
    const bytes = Buffer.from(value);
    return { name, bytes: bytes.length, digest: createHmac('sha256', salt).update(bytes).digest('hex') };
  });
}

export const leaksIn = (text: string, where: string, secrets: readonly Secret[]): Leak[] =>
  secrets.filter(({ value }) => text.includes(value)).map(({ name }) => ({ name, where }));
