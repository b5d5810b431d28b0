const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const;

/** A span in its largest unit, and the next where the first is small: `34 s`, `5 min`, `2 h 10 min`, `3 d`. */
export function lasting(ms: number): string {
  const rounded = Math.max(0, Math.round(ms / 1_000) * 1_000);
  const at = UNITS.findIndex(([, size]) => rounded >= size);
  if (at === -1) return '0 s';
  const [unit, size] = UNITS[at] ?? UNITS[3];
  const count = Math.floor(rounded / size);
  const below = UNITS[at + 1];
  const rest = below === undefined || count >= 10 ? 0 : Math.floor((rounded % size) / below[1]);
  return rest === 0 || below === undefined ? `${count} ${unit}` : `${count} ${unit} ${rest} ${below[0]}`;
}

export const ago = (at: Date, now: Date): string => `${lasting(now.getTime() - at.getTime())} ago`;

/** `in 34 s`; `now` for what is due. */
export const until = (at: Date, now: Date): string =>
  at <= now ? 'now' : `in ${lasting(at.getTime() - now.getTime())}`;

/** `2026-11-29 05:20:11 UTC`. */
export const stamp = (at: Date): string => `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`;

export const times = (count: number): string => (count === 1 ? 'once' : `${count} times`);

/** A text that ends a sentence: with a stop, and one alone. */
export const sentence = (text: string): string => (/[.!?:…]$/.test(text) ? text : `${text}.`);

/** The same to stand inside one: without its stop. */
export const inside = (text: string): string => text.replace(/\.$/, '');

/** Ids of containers are shown as the engine shows them. */
export const short = (containerId: string): string => containerId.slice(0, 12);

export const wish = ({ who, why }: { who: string; why: string }): string => `${who} (${why})`;
