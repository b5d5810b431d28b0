import { createHash, timingSafeEqual } from 'node:crypto';

/** The headers that tell where a browser's request comes from. `host`: what the browser calls us. */
export type OriginHeaders = {
  host: string | undefined;
  origin: string | undefined;
  secFetchSite: string | undefined;
};

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Whether a request by this method may change something. */
export const mayChange = (method: string): boolean => !SAFE_METHODS.has(method);

/**
 * Whether a request that changes something was sent by another site's page. Every current browser sends `Origin` with
 * such a request and, where the connection is trusted, `Sec-Fetch-Site`; neither can be set by a page. A request with
 * neither is no browser's, so no page could have borrowed anybody's session for it.
 */
export function isCrossSite(headers: OriginHeaders): boolean {
  if (headers.secFetchSite !== undefined) return headers.secFetchSite !== 'same-origin';
  if (headers.origin === undefined) return false;
  // The scheme is not compared: behind TLS that ends at a proxy we see http where the browser sees https.
  return URL.parse(headers.origin)?.host !== headers.host;
}

/** Whether the session's own token came along: only our pages can know it. Takes the same time whatever is given. */
export function hasCsrfToken(given: unknown, right: string): boolean {
  if (typeof given !== 'string') return false;
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(right));
}
