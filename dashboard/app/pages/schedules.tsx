import { type Schedule, SchedulePhase } from '../../../proto/gen/the0/runtime/v1/schedules_pb.js';
import { schedules } from '../api/clients.ts';
import { msOf } from '../data/rows.ts';
import { useEvents } from '../data/use-events.ts';
import { usePages } from '../data/use-pages.ts';
import { count, counted } from '../parts/format.ts';
import { Badge, Mark } from '../parts/mark.tsx';
import { PagedTable, type Column } from '../parts/paged-table.tsx';
import { Empty } from '../parts/panel.tsx';
import { SearchBox } from '../parts/search-box.tsx';
import { Time } from '../parts/time.tsx';
import { Title } from '../parts/title.tsx';
import { RUN_LOOKS, SCHEDULE_LOOKS } from '../parts/words.ts';
import { query, setQuery } from '../shell/router.ts';
import { hrefs } from '../shell/routes.ts';

const PHASES = [
  SchedulePhase.ACTIVE,
  SchedulePhase.INVALID,
  SchedulePhase.PAUSED,
  SchedulePhase.DISABLED,
  SchedulePhase.PENDING,
  SchedulePhase.GONE,
];
const PAGE = 100;

export function SchedulesPage() {
  const text = query.value.get('q') ?? '';
  const phaseWord = query.value.get('phase') ?? '';
  const failing = query.value.get('failing') === '1';
  const phase = PHASES.find((each) => SCHEDULE_LOOKS[each].word === phaseWord);
  const pages = usePages<Schedule>(
    JSON.stringify([text, phase, failing]),
    async (token, signal) => {
      const answer = await schedules.listSchedules(
        {
          filter: { text, failing, phases: phase === undefined ? [] : [phase] },
          page: { size: PAGE, token },
        },
        { signal },
      );
      return { items: answer.schedules, nextToken: answer.nextToken, total: answer.total };
    },
    ({ id }) => id,
  );
  useEvents(({ subject }) => {
    if (subject.case === 'schedule') pages.put(subject.value, false);
  });
  return (
    <>
      <Title
        text="Schedules"
        aside={
          <SearchBox
            label="Search schedules"
            placeholder="Name, id, version"
            value={text}
            onInput={(q) => setQuery({ q })}
          />
        }
      />
      <div class="chips" role="group" aria-label="Only schedules that are">
        {PHASES.map((each) => (
          <button
            key={each}
            type="button"
            class="chip"
            aria-pressed={phase === each}
            onClick={() => setQuery({ phase: phase === each ? '' : SCHEDULE_LOOKS[each].word })}
          >
            <Mark look={SCHEDULE_LOOKS[each]} />
            {SCHEDULE_LOOKS[each].word}
          </button>
        ))}
        <button
          type="button"
          class="chip"
          aria-pressed={failing}
          onClick={() => setQuery({ failing: failing ? '' : '1' })}
        >
          <Mark look={{ tone: 'trouble', glyph: 'cross' }} />
          last runs failed
        </button>
      </div>
      <p class="soft small count-line" role="status">
        {pages.total === undefined ? '' : counted(pages.total, 'schedule')}
      </p>
      <PagedTable
        label="Schedules"
        pages={pages}
        columns={COLUMNS}
        idOf={({ id }) => id}
        empty={
          text === '' && phase === undefined && !failing ? (
            <Empty title="No schedules yet">A bot whose type is scheduled/… shows here.</Empty>
          ) : (
            <Empty title="No schedule matches" />
          )
        }
      />
    </>
  );
}

const COLUMNS: readonly Column<Schedule>[] = [
  {
    label: 'Status',
    class: 'nowrap',
    card: 'status',
    cell: ({ phase }) => <Badge look={SCHEDULE_LOOKS[phase]} />,
  },
  {
    label: 'Name',
    class: 'wrap c-name',
    card: 'name',
    cell: ({ id, name }) => (
      <a href={hrefs.schedule(id)} title={id}>
        {name === '' ? id : name}
      </a>
    ),
  },
  {
    label: 'Cron',
    class: 'nowrap',
    cell: ({ schedule, zone }) => (
      <>
        <code>{schedule}</code> <small class="soft">{zone}</small>
      </>
    ),
  },
  { label: 'Next', class: 'nowrap', card: 'when', cell: ({ next }) => <Time ms={msOf(next)} as="due" /> },
  {
    label: 'Last run',
    class: 'nowrap',
    cell: ({ lastRun }) =>
      lastRun === undefined ? (
        <span class="soft">none</span>
      ) : (
        <a href={hrefs.run(lastRun.run)} title={lastRun.reason}>
          <Badge look={RUN_LOOKS[lastRun.state]} />
          <small class="soft">
            {' '}
            <Time ms={msOf(lastRun.ended)} as="ago" none="" />
          </small>
        </a>
      ),
  },
  {
    label: 'Failed in a row',
    class: 'num',
    cell: ({ failuresInRow }) => (failuresInRow === 0 ? <span class="soft">0</span> : count(failuresInRow)),
  },
  { label: 'Why', class: 'wrap', card: 'why', cell: ({ reason }) => <span class="soft">{reason}</span> },
];
