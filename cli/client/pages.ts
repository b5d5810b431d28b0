/** As many as the API gives at once. */
const LARGEST = 1_000;

type Asked = { size: number; token: string };

/** All that a list gives, page by page, or the first so many of it. */
export async function allOf<T>(
  ask: (page: Asked) => Promise<{ items: readonly T[]; nextToken: string }>,
  most: number = Infinity,
): Promise<T[]> {
  const all: T[] = [];
  let token = '';
  do {
    const page = await ask({ size: Math.min(LARGEST, most - all.length), token });
    all.push(...page.items);
    token = page.nextToken;
  } while (token !== '' && all.length < most);
  return all;
}
