import type { RequestHandler } from 'express';

/** Everything comes from here, as a file: no inline script or style, nothing of another host, in nobody's frame. */
const OWN_PAGES = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self'",
  'img-src': "'self' data:",
  'font-src': "'self'",
  'connect-src': "'self'",
  'manifest-src': "'self'",
  'form-action': "'self'",
  'base-uri': "'none'",
  'frame-ancestors': "'none'",
};

/** Bull Board's page has inline styles, and says by `<base>` where its files are. */
const BULL_BOARD = { ...OWN_PAGES, 'style-src': "'self' 'unsafe-inline'", 'base-uri': "'self'" };

const text = (policy: Readonly<Record<string, string>>): string =>
  Object.entries(policy)
    .map(([what, from]) => `${what} ${from}`)
    .join('; ');

const OWN_PAGES_POLICY = text(OWN_PAGES);
const BULL_BOARD_POLICY = text(BULL_BOARD);

export const securityHeaders: RequestHandler = (_request, response, next) => {
  response.set({
    'Content-Security-Policy': OWN_PAGES_POLICY,
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    // With no-referrer a browser would send "Origin: null" with the login form.
    'Referrer-Policy': 'same-origin',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
    'Cache-Control': 'no-store',
  });
  next();
};

/** The looser policy, where Bull Board needs it and nowhere else. */
export const bullBoardPolicy: RequestHandler = (_request, response, next) => {
  response.set('Content-Security-Policy', BULL_BOARD_POLICY);
  next();
};
