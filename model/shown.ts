/**
 * A value of somebody's config as a complaint about it may show it. Only short texts and numbers are shown: a key that was
 * pasted into the wrong field stays secret, and a status stays readable.
 */
export function shown(value: unknown): string {
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string')
    return value.length <= 20 ? JSON.stringify(value) : `a text of ${value.length} characters`;
  return Array.isArray(value) ? 'an array' : 'an object';
}
