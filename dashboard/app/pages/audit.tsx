import type { AuditEntry } from '../../../proto/gen/the0/runtime/v1/events_pb.js';
import { records } from '../api/clients.ts';
import { msOf } from '../data/rows.ts';
import { useEvents, useThrottled } from '../data/use-events.ts';
import { useEvery } from '../data/use-load.ts';
import { usePages } from '../data/use-pages.ts';
import { PagedTable, type Column } from '../parts/paged-table.tsx';
import { Empty } from '../parts/panel.tsx';
import { SearchBox } from '../parts/search-box.tsx';
import { Time } from '../parts/time.tsx';
import { Title } from '../parts/title.tsx';
import { query, setQuery } from '../shell/router.ts';
import { hrefs } from '../shell/routes.ts';

const PAGE = 100;
/** No stream tells of what was refused, or was done to tokens and queues. */
const EVERY_MS = 10_000;
/** What somebody's act mostly leads to. */
const KINDS: ReadonlySet<string> = new Set(['hold', 'restart', 'run']);

/** Who did what, why, and what came of it. */
export function AuditPage() {
  const target = query.value.get('target') ?? '';
  const who = query.value.get('who') ?? '';
  const pages = usePages<AuditEntry>(
    JSON.stringify([target, who]),
    async (token, signal) => {
      const answer = await records.listAudit({ target, who, page: { size: PAGE, token } }, { signal });
      return { items: answer.entries, nextToken: answer.nextToken };
    },
    ({ id }) => id,
  );
  const soon = useThrottled(2_000, pages.refresh);
  useEvents(({ event }) => {
    if (event !== undefined && KINDS.has(event.kind)) soon();
  });
  useEvery(EVERY_MS, pages.refresh);
  return (
    <>
      <Title
        text="Audit"
        aside={
          <>
            <SearchBox
              label="Of whom"
              placeholder="Id of a bot, run, token …"
              value={target}
              onInput={(text) => setQuery({ target: text.trim() })}
            />
            <label class="inline">
              <span class="hidden">By whom</span>
              <input
                class="plain"
                placeholder="By whom"
                value={who}
                onInput={(event) => setQuery({ who: event.currentTarget.value.trim() })}
              />
            </label>
            <button type="button" class="button" onClick={pages.reload}>
              Refresh
            </button>
          </>
        }
      />
      <PagedTable
        label="Audit"
        pages={pages}
        columns={COLUMNS}
        idOf={({ id }) => id}
        empty={
          target === '' && who === '' ? (
            <Empty title="Nobody has changed anything yet">
              Each change by the API is on record here before it is done.
            </Empty>
          ) : (
            <Empty title="Nothing matches">Target and name are compared as a whole.</Empty>
          )
        }
      />
    </>
  );
}

const TARGETS: Readonly<Record<string, (id: string) => string>> = {
  BotService: (id) => hrefs.bot(id),
  StateService: (id) => hrefs.bot(id, 'state'),
  ScheduleService: hrefs.schedule,
};

const COLUMNS: readonly Column<AuditEntry>[] = [
  { label: 'When', class: 'nowrap', cell: ({ at }) => <Time ms={msOf(at)} /> },
  {
    label: 'Who',
    class: 'wrap',
    cell: ({ who, role }) => (
      <>
        {who} <small class="soft">{role}</small>
      </>
    ),
  },
  { label: 'What', class: 'nowrap', cell: ({ what }) => <code>{what}</code> },
  {
    label: 'Of whom',
    class: 'wrap',
    cell: ({ what, target }) => {
      const href = TARGETS[what.split('/')[0] ?? ''];
      return href === undefined || target === '' ? target : <a href={href(target)}>{target}</a>;
    },
  },
  { label: 'Why', class: 'wrap', cell: ({ why }) => why },
  {
    label: 'Outcome',
    class: 'wrap',
    cell: ({ outcome, message }) => (
      <>
        <span class={outcome === 'done' ? 'tone-well' : outcome === 'begun' ? 'tone-moving' : 'tone-trouble'}>
          {outcome}
        </span>{' '}
        <small class="soft">{message}</small>
      </>
    ),
  },
];
