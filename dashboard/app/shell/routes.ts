/** Where the app can be: what is behind each path. */
export type Place =
  | { page: 'fleet' }
  | { page: 'bots' }
  | { page: 'bot'; id: string; tab: BotTab }
  | { page: 'schedules' }
  | { page: 'schedule'; id: string }
  | { page: 'runs' }
  | { page: 'run'; id: string }
  | { page: 'audit' }
  | { page: 'system' }
  | { page: 'nowhere' };

export const BOT_TABS = ['story', 'log', 'usage', 'state', 'query'] as const;
export type BotTab = (typeof BOT_TABS)[number];

const part = (text: string): string => encodeURIComponent(text);

export const hrefs = {
  fleet: '/',
  bots: '/bots',
  bot: (id: string, tab: BotTab = 'story'): string =>
    tab === 'story' ? `/bots/${part(id)}` : `/bots/${part(id)}/${tab}`,
  schedules: '/schedules',
  schedule: (id: string): string => `/schedules/${part(id)}`,
  runs: '/runs',
  run: (id: string): string => `/runs/${part(id)}`,
  audit: '/audit',
  system: '/system',
};

/** `path`: of the address, `/bots/price%2Falerts/log`. */
export function placeOf(path: string): Place {
  const [section = '', rawId = '', third = '', ...rest] = path.replace(/^\/|\/$/g, '').split('/');
  const id = decoded(rawId);
  if (rest.length > 0 || id === undefined) return { page: 'nowhere' };
  if (section === 'bots' && id !== '') {
    const tab = third === '' ? 'story' : BOT_TABS.find((each) => each === third);
    return tab === undefined ? { page: 'nowhere' } : { page: 'bot', id, tab };
  }
  if (third !== '') return { page: 'nowhere' };
  if (id !== '') {
    if (section === 'schedules') return { page: 'schedule', id };
    if (section === 'runs') return { page: 'run', id };
    return { page: 'nowhere' };
  }
  return LISTS[section] ?? { page: 'nowhere' };
}

const LISTS: Readonly<Record<string, Place>> = {
  '': { page: 'fleet' },
  bots: { page: 'bots' },
  schedules: { page: 'schedules' },
  runs: { page: 'runs' },
  audit: { page: 'audit' },
  system: { page: 'system' },
};

/** Undefined: no address that a browser would make. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
