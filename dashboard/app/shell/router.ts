import { computed, signal } from '@preact/signals';
import { placeOf } from './routes.ts';

const path = signal(location.pathname);

/** What comes after `?`, as somebody sees and shares it: a search, a filter. */
export const query = signal(new URLSearchParams(location.search));

export const place = computed(() => placeOf(path.value));

export function goTo(href: string): void {
  const { pathname, search } = new URL(href, location.href);
  if (pathname === location.pathname && search === location.search) return;
  history.pushState(null, '', `${pathname}${search}`);
  arrive();
}

/** Changes what comes after `?` without a step in the history: each letter of a search would be one. */
export function setQuery(changes: Readonly<Record<string, string>>): void {
  const next = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes))
    if (value === '') next.delete(name);
    else next.set(name, value);
  const search = next.toString();
  history.replaceState(history.state, '', `${location.pathname}${search === '' ? '' : `?${search}`}`);
  query.value = next;
}

function arrive(): void {
  path.value = location.pathname;
  query.value = new URLSearchParams(location.search);
  scrollTo(0, 0);
  // Whoever does not see the page has to hear that it is another.
  document.querySelector<HTMLElement>('main')?.focus({ preventScroll: true });
}

/** Follows links within the app without loading the page anew; all others are left to the browser. */
export function startRouter(): void {
  addEventListener('popstate', () => {
    path.value = location.pathname;
    query.value = new URLSearchParams(location.search);
  });
  addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (link === null || link.target !== '' || link.hasAttribute('download')) return;
    if (link.origin !== location.origin || link.hash !== '') return;
    if (placeOf(link.pathname).page === 'nowhere') return;
    event.preventDefault();
    goTo(link.href);
  });
}
