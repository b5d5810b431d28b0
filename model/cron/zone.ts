import { nearest } from '../nearest.ts';
import { shown } from '../shown.ts';
import { Lru } from './lru.ts';

/** `problem` ends a sentence that begins with the name of the field. */
export type ZoneOutcome = { ok: true; zone: string } | { ok: false; problem: string };

/**
 * Three letters that mean other zones to other people, and that the platform's tables know although the tz database does
 * not: to them `BST` is Bangladesh, not Britain.
 */
const AMBIGUOUS = new Set(
  'ACT AET AGT ART AST BET BST CAT CNT CST CTT EAT ECT IET IST JST MIT NET NST PLT PNT PRT PST SST VST'.split(
    ' ',
  ),
);
const MAX_LENGTH = 64;

const KNOWN = new Lru<ZoneOutcome>(1000);

/** A zone of the tz database (`Europe/Berlin`, `UTC`), in its usual spelling. */
export function readZone(value: unknown): ZoneOutcome {
  const name = typeof value === 'string' ? value.trim() : '';
  if (name === '' || name.length > MAX_LENGTH)
    return { ok: false, problem: `${shown(value)}, which is no time zone: ${CURE}` };
  return KNOWN.get(name, () => zoneNamed(name));
}

const CURE = 'write the name of a zone such as "Europe/Berlin", "America/New_York" or "UTC"';

function zoneNamed(name: string): ZoneOutcome {
  if (AMBIGUOUS.has(name.toUpperCase()))
    return { ok: false, problem: `${shown(name)}, which means other zones to other people: ${CURE}` };
  const known = /^[A-Z]/i.test(name) ? usualSpelling(name) : undefined;
  if (known !== undefined) return { ok: true, zone: known };
  const meant = suggestion(name);
  const hint = meant === undefined ? '' : `did you mean ${JSON.stringify(meant)}? Else `;
  return { ok: false, problem: `${shown(name)}, which is no time zone: ${hint}${CURE}` };
}

function usualSpelling(name: string): string | undefined {
  try {
    const { timeZone } = new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions();
    // The table's own name may be another one (Europe/Kiev for Europe/Kyiv): then the owner's word stands.
    return timeZone.toLowerCase() === name.toLowerCase() ? timeZone : name;
  } catch {
    return undefined;
  }
}

function suggestion(name: string): string | undefined {
  const zones = Intl.supportedValuesOf('timeZone');
  const city = `/${name.toLowerCase().replaceAll(/[\s-]+/g, '_')}`;
  return zones.find((zone) => zone.toLowerCase().endsWith(city)) ?? nearest(name, zones);
}
