/** The headers that tell where a browser's request comes from. */
export type OriginHeaders = {
  method: string;
  host: string | undefined;
  origin: string | undefined;
  secFetchSite: string | undefined;
};

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Whether a request that changes something was sent by another site's page. Every current browser sends `Origin` with
 * such a request and, where the connection is trusted, `Sec-Fetch-Site`; neither can be set by a page. A request with
 * neither is no browser's, so no page could have borrowed anybody's session for it.
 */
export function isCrossSite(headers: OriginHeaders): boolean {
  if (SAFE_METHODS.has(headers.method)) return false;
  if (headers.secFetchSite !== undefined) return headers.secFetchSite !== 'same-origin';
  if (headers.origin === undefined) return false;
  // The scheme is not compared: behind TLS that ends at a proxy we see http where the browser sees https.
  return URL.parse(headers.origin)?.host !== headers.host;
}
