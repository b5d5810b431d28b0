import type { Request } from 'express';

/** The value of one cookie of a request. */
export function readCookie(header: string | undefined, name: string): string | undefined {
  for (const part of (header ?? '').split(';')) {
    const at = part.indexOf('=');
    if (at !== -1 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return undefined;
}

/** True when the browser's own connection is encrypted: here, or at a proxy in front that says so. */
export function isSecure(request: Pick<Request, 'secure' | 'headers'>): boolean {
  const forwarded = request.headers['x-forwarded-proto'];
  return request.secure || (typeof forwarded === 'string' && forwarded.split(',')[0]?.trim() === 'https');
}
