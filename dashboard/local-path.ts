const NOWHERE = 'http://dashboard.invalid';
/** Where a person goes who asked for nothing else. */
const HOME = '/';

/** A path of ours to go on to: never another site, whatever `next` says. */
export function localPath(next: unknown): string {
  if (typeof next !== 'string' || !next.startsWith('/')) return HOME;
  const url = URL.parse(next, NOWHERE);
  if (url === null || url.origin !== NOWHERE || url.pathname.startsWith('//')) return HOME;
  return url.pathname === '/login' || url.pathname === '/logout' ? HOME : `${url.pathname}${url.search}`;
}
