import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { session } from '../api/session.ts';
import { stats } from '../data/stats.ts';
import { needsSomeone } from '../parts/words.ts';
import { count } from '../parts/format.ts';
import { place } from './router.ts';
import { hrefs, type Place } from './routes.ts';
import { ThemeToggle } from './theme.tsx';

type Item = {
  label: string;
  href: string;
  pages: readonly Place['page'][];
  icon: JSX.Element;
  external?: true;
};

/** In groups: what runs, what was done, what it runs on. Backtests will be one more line of the first. */
const GROUPS: readonly (readonly Item[])[] = [
  [
    {
      label: 'Fleet',
      href: hrefs.fleet,
      pages: ['fleet'],
      icon: <path d="M2 2h5v5H2zM9 2h5v5H9zM2 9h5v5H2zM9 9h5v5H9z" />,
    },
    { label: 'Bots', href: hrefs.bots, pages: ['bots', 'bot'], icon: <path d="M2 4h12M2 8h12M2 12h8" /> },
    {
      label: 'Schedules',
      href: hrefs.schedules,
      pages: ['schedules', 'schedule'],
      icon: <path d="M2 4h12v10H2zM2 7.5h12M5 2v3M11 2v3" />,
    },
    {
      label: 'Runs',
      href: hrefs.runs,
      pages: ['runs', 'run'],
      icon: <path d="M4 2.5 13 8l-9 5.5z" />,
    },
  ],
  [
    {
      label: 'Audit',
      href: hrefs.audit,
      pages: ['audit'],
      icon: <path d="M4 2h8v12H4zM6 5.5h4M6 8h4M6 10.5h2" />,
    },
    {
      label: 'System',
      href: hrefs.system,
      pages: ['system'],
      icon: <path d="M2 3h12v4H2zM2 9h12v4H2zM4.5 5h.01M4.5 11h.01" />,
    },
    {
      label: 'Queues',
      href: '/queues',
      pages: [],
      external: true,
      icon: <path d="M2 12h3V6H2zM6.5 12h3V3h-3zM11 12h3V8h-3z" />,
    },
  ],
];

export function Nav() {
  const [isOpen, setOpen] = useState(false);
  const { page } = place.value;
  const troubled = (stats.value?.bots ?? [])
    .filter(({ phase }) => needsSomeone(phase))
    .reduce((sum, { count: some }) => sum + some, 0);
  return (
    <header class={`nav ${isOpen ? 'is-open' : ''}`}>
      <div class="nav-top">
        <a class="brand" href={hrefs.fleet}>
          <svg viewBox="0 0 40 40" width="26" height="26" aria-hidden="true">
            <ellipse cx="20" cy="20" rx="9.5" ry="13" />
            <path d="M13 29 27 11" />
          </svg>
          <span>
            the0<small>{stats.value?.installation ?? ''}</small>
          </span>
        </a>
        <button
          type="button"
          class="nav-toggle"
          aria-expanded={isOpen}
          aria-controls="nav-items"
          onClick={() => setOpen(!isOpen)}
        >
          Menu
        </button>
      </div>
      <nav id="nav-items" aria-label="Pages" onClick={() => setOpen(false)}>
        {GROUPS.map((items, at) => (
          <ul key={at}>
            {items.map((item) => (
              <li key={item.href}>
                <a href={item.href} aria-current={item.pages.includes(page) ? 'page' : undefined}>
                  <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
                    {item.icon}
                  </svg>
                  {item.label}
                  {item.label === 'Bots' && troubled > 0 ? (
                    <span class="nav-count" title="need someone">
                      {count(troubled)}
                    </span>
                  ) : null}
                  {item.external === true ? <span class="nav-out">Bull Board</span> : null}
                </a>
              </li>
            ))}
          </ul>
        ))}
      </nav>
      <div class="nav-foot">
        <ThemeToggle />
        {session.value === undefined ? null : (
          <a class="who" href="/logout" title="Log out">
            <strong>{session.value.name}</strong>
            <small>{session.value.role} · log out</small>
          </a>
        )}
      </div>
    </header>
  );
}
