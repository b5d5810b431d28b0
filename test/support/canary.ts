import { randomBytes } from 'node:crypto';

/** A text that is nowhere else, for one secret. */
export const newCanary = (of: string): string =>
  `canary-${of.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}-${randomBytes(8).toString('hex')}`;

/**
 * Which secrets are in which places, as `PLACE: SECRET`: as they are, as JSON and URLs write them, and within base64.
 */
export function found(places: ReadonlyMap<string, string>, secrets: ReadonlyMap<string, string>): string[] {
  return [...places].flatMap(([place, text]) =>
    [...secrets].flatMap(([name, secret]) =>
      writings(secret).some((each) => text.includes(each)) ? [`${place}: ${name}`] : [],
    ),
  );
}

function writings(secret: string): string[] {
  const within = [0, 1, 2].flatMap((shift) => {
    const text = Buffer.from(' '.repeat(shift) + secret)
      .toString('base64')
      .replace(/=+$/, '');
    // What its neighbours have a part in is left out.
    const own = text.slice(shift === 0 ? 0 : shift + 1, -2);
    return [own, own.replaceAll('+', '-').replaceAll('/', '_')];
  });
  return [...new Set([secret, encodeURIComponent(secret), Buffer.from(secret).toString('hex'), ...within])];
}
