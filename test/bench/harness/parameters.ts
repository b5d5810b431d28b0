const PREFIX = 'BENCH_';

/** A number that whoever runs a bench may change: `parameter('LEDGER_SECONDS', 300)` is `BENCH_LEDGER_SECONDS`. */
export function parameter(name: string, usual: number): number {
  const text = process.env[`${PREFIX}${name}`];
  if (text === undefined) return usual;
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new Error(`${PREFIX}${name}=${JSON.stringify(text)} is not a number of 0 or more`);
  return value;
}

/** All of them, for a bench in a process of its own. */
export const parameters = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      name.startsWith(PREFIX) && value !== undefined ? [[name, value]] : [],
    ),
  );
