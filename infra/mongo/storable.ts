/** Deepest nesting we store; MongoDB itself ends near 180, and nobody needs this much. */
const MAX_DEPTH = 100;

/**
 * Why a JSON value cannot be stored in MongoDB and read back unchanged, or undefined if it can. Keys that look like
 * operators (`$ref`), hold dots or are `__proto__` can: they stand only below the top level, where MongoDB stores them
 * as they are. `path` is for the message.
 */
export function storageProblem(value: unknown, path: string, depth = 1): string | undefined {
  if (value === null || typeof value !== 'object') return undefined;
  if (depth > MAX_DEPTH) return `${path.slice(0, 60)}… is nested more than ${MAX_DEPTH} deep`;
  for (const [key, child] of Object.entries(value)) {
    if (key.includes('\0')) return `${path} has a key with a NUL character, which MongoDB cannot store`;
    if (key === '_bsontype') return `${path} has a key "_bsontype", which MongoDB’s driver cannot store`;
    const problem = storageProblem(
      child,
      Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`,
      depth + 1,
    );
    if (problem !== undefined) return problem;
  }
  return undefined;
}
