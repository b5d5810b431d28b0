/** Kubernetes resource quantities: `1Gi`, `512Mi`, `500m`, `1.5`, `2e9`, and plain numbers. */

const FACTORS: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

const QUANTITY =
  /^\+?(?<digits>\d+\.?\d*|\.\d+)(?:(?<suffix>[KMGTPE]i|[numkMGTPE])|[eE](?<exponent>[+-]?\d{1,3}))?$/;

/** The value in base units (bytes, cores), or undefined for what is no quantity or is negative. */
export function parseQuantity(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value : undefined;
  if (typeof value !== 'string') return undefined;
  const parts = QUANTITY.exec(value.trim())?.groups;
  if (parts === undefined) return undefined;
  const factor =
    parts['exponent'] === undefined ? FACTORS[parts['suffix'] ?? ''] : 10 ** Number(parts['exponent']);
  const result = Number(parts['digits']) * (factor ?? NaN);
  return Number.isFinite(result) ? result : undefined;
}

const MEMORY_UNITS = [
  ['Gi', 2 ** 30],
  ['Mi', 2 ** 20],
  ['Ki', 2 ** 10],
] as const;

/** Bytes as a person writes them: the largest binary unit that leaves no more than two decimals. */
export function formatMemory(bytes: number): string {
  for (const [suffix, factor] of MEMORY_UNITS) {
    const amount = bytes / factor;
    if (amount >= 1 && Number.isInteger(Math.round(amount * 1e9) / 1e7))
      return `${Number(amount.toFixed(2))}${suffix}`;
  }
  return `${Math.round(bytes)} bytes`;
}

export const formatCores = (cores: number): string =>
  cores < 1 ? `${Math.round(cores * 1000)}m` : String(Number(cores.toFixed(3)));
