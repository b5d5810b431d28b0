import { RunState, type Run } from '../../../proto/gen/the0/runtime/v1/runs_pb.js';
import { runs } from '../api/clients.ts';
import { msOf } from '../data/rows.ts';
import { useEvents } from '../data/use-events.ts';
import { usePages, type Pages } from '../data/use-pages.ts';
import { lasting } from '../parts/format.ts';
import { Badge, Mark } from '../parts/mark.tsx';
import { PagedTable, type Column } from '../parts/paged-table.tsx';
import { Empty } from '../parts/panel.tsx';
import { Time } from '../parts/time.tsx';
import { Title } from '../parts/title.tsx';
import { isOpenRun, RUN_LOOKS } from '../parts/words.ts';
import { query, setQuery } from '../shell/router.ts';
import { hrefs } from '../shell/routes.ts';

const STATES = [
  RunState.RUNNING,
  RunState.PREPARING,
  RunState.QUEUED,
  RunState.RETRYING,
  RunState.SUCCEEDED,
  RunState.FAILED,
  RunState.TIMED_OUT,
  RunState.CANCELLED,
  RunState.SKIPPED,
];
const PAGE = 100;

export function RunsPage() {
  const words = query.value.get('state') ?? '';
  const states = STATES.filter((state) => words.split(',').includes(RUN_LOOKS[state].word));
  const pages = useRuns('', states);
  return (
    <>
      <Title text="Runs" />
      <div class="chips" role="group" aria-label="Only runs that are">
        {STATES.map((state) => (
          <button
            key={state}
            type="button"
            class="chip"
            aria-pressed={states.includes(state)}
            onClick={() => {
              const next = states.includes(state)
                ? states.filter((each) => each !== state)
                : [...states, state];
              setQuery({ state: next.map((each) => RUN_LOOKS[each].word).join(',') });
            }}
          >
            <Mark look={RUN_LOOKS[state]} />
            {RUN_LOOKS[state].word}
          </button>
        ))}
      </div>
      <div class="gap" />
      <RunsTable pages={pages} isFiltered={states.length > 0} withSchedule />
    </>
  );
}

/** Runs, newest first, kept by what the stream tells. `schedule`: empty for all. */
export function useRuns(schedule: string, states: readonly RunState[]): Pages<Run> {
  const pages = usePages<Run>(
    JSON.stringify([schedule, states]),
    async (token, signal) => {
      const answer = await runs.listRuns(
        { schedule, states: [...states], page: { size: PAGE, token } },
        { signal },
      );
      return { items: answer.runs, nextToken: answer.nextToken };
    },
    ({ id }) => id,
  );
  useEvents(({ subject }) => {
    if (subject.case !== 'run') return;
    const run = subject.value;
    if (schedule !== '' && run.schedule !== schedule) return;
    pages.put(run, states.length === 0 || states.includes(run.state));
  });
  return pages;
}

export const RunsTable = ({
  pages,
  isFiltered,
  withSchedule = false,
}: {
  pages: Pages<Run>;
  isFiltered: boolean;
  withSchedule?: boolean;
}) => (
  <PagedTable
    label="Runs"
    pages={pages}
    columns={withSchedule ? COLUMNS : COLUMNS_OF_ONE}
    idOf={({ id }) => id}
    empty={
      isFiltered ? (
        <Empty title="No run matches" />
      ) : (
        <Empty title="No runs yet">
          Each tick of a schedule becomes a record here, whether it ran or was skipped.
        </Empty>
      )
    }
  />
);

export const tookMs = ({ started, ended }: Pick<Run, 'started' | 'ended'>): number | undefined => {
  const from = msOf(started);
  const to = msOf(ended);
  return from === undefined || to === undefined ? undefined : to - from;
};

const COLUMNS: readonly Column<Run>[] = [
  { label: 'State', class: 'nowrap', card: 'status', cell: ({ state }) => <Badge look={RUN_LOOKS[state]} /> },
  {
    label: 'Nominal time',
    class: 'nowrap c-name',
    card: 'when',
    cell: ({ id, nominal, kind }) => (
      <>
        <a href={hrefs.run(id)}>
          <Time ms={msOf(nominal)} none="now" />
        </a>
        {kind === 'manual' ? <small class="soft"> by hand</small> : null}
      </>
    ),
  },
  {
    label: 'Schedule',
    class: 'wrap',
    card: 'name',
    cell: ({ schedule }) => <a href={hrefs.schedule(schedule)}>{schedule}</a>,
  },
  {
    label: 'Took',
    class: 'num nowrap',
    cell: (run) => {
      const ms = tookMs(run);
      if (ms !== undefined) return lasting(ms);
      return isOpenRun(run.state) ? <Time ms={msOf(run.started)} as="for" /> : <span class="soft">–</span>;
    },
  },
  { label: 'Attempt', class: 'num', cell: ({ attempt }) => (attempt === 0 ? '–' : attempt) },
  { label: 'Why', class: 'wrap', card: 'why', cell: ({ reason }) => <span class="soft">{reason}</span> },
];

/** Of one schedule: what names a run there is its time. */
const COLUMNS_OF_ONE: readonly Column<Run>[] = COLUMNS.filter(({ label }) => label !== 'Schedule').map(
  (column) =>
    column.label === 'Nominal time'
      ? { ...column, card: 'name' }
      : column.label === 'Took'
        ? { ...column, card: 'when' }
        : column,
);
