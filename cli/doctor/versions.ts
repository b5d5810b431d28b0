/** Whether a version is older than another, by the numbers in front. What has none is not. */
export function isOlder(version: string, than: string): boolean {
  const [mine, other] = [version, than].map((text) => numbers(text));
  if (mine === undefined || other === undefined || mine.length === 0) return false;
  for (let index = 0; index < other.length; index += 1) {
    const difference = (mine[index] ?? 0) - (other[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

const numbers = (text: string): number[] =>
  (/^v?(\d+(?:\.\d+)*)/.exec(text.trim())?.[1] ?? '').split('.').filter(Boolean).map(Number);
