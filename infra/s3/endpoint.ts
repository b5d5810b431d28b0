/** Where S3 is, as the client library wants it. `port` is absent where the text had none: 80 or 443 then. */
export type Endpoint = { host: string; port?: number; useSsl: boolean };

/** The text of `S3_ENDPOINT` cannot be used. */
export class EndpointError extends Error {
  override readonly name = 'EndpointError';
  readonly code = 's3_endpoint';
  readonly retryable = false;
}

/**
 * Reads `host`, `host:port`, `[::1]:9000` or the same after `http://` or `https://`. A scheme decides about TLS,
 * whatever `useSsl` says; without one `useSsl` decides. Throws `EndpointError` for anything else.
 */
export function parseEndpoint(text: string, useSsl: boolean): Endpoint {
  const trimmed = text.trim();
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(trimmed)?.[1]?.toLowerCase();
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https')
    throw refused(trimmed, `the scheme ${scheme}:// is neither http:// nor https://`);
  const secure = scheme === undefined ? useSsl : scheme === 'https';
  let url: URL;
  try {
    url = new URL(scheme === undefined ? `http://${trimmed}` : trimmed.replace(/^https/i, 'http'));
  } catch (error) {
    throw refused(trimmed, 'it is not a host with an optional port', error);
  }
  if (url.hostname === '') throw refused(trimmed, 'it names no host');
  if (url.username !== '' || url.password !== '')
    throw refused('(hidden)', 'credentials belong in S3_ACCESS_KEY and S3_SECRET_KEY');
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '')
    throw refused(trimmed, 'a path after the host is not supported');
  // The URL class drops a port that is the default of http, which `https://host:80` would lose.
  const written = /:(\d+)\/?$/.exec(trimmed)?.[1];
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return written === undefined ? { host, useSsl: secure } : { host, port: Number(written), useSsl: secure };
}

function refused(text: string, reason: string, cause?: unknown): EndpointError {
  return new EndpointError(
    `S3_ENDPOINT=${JSON.stringify(text)}: ${reason}; expected something like localhost:9000 or https://s3.example.com`,
    cause === undefined ? undefined : { cause },
  );
}
