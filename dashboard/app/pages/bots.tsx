import { Component } from 'preact';
import { useMemo } from 'preact/hooks';
import { BotPhase } from '../../../proto/gen/the0/runtime/v1/bots_pb.js';
import { fleetLoading, fleetRows, fleetSize, fleetVersion, loadFleet } from '../data/fleet.ts';
import { chosenRows, SORTS, type BotRow, type Sort } from '../data/rows.ts';
import { useNarrow } from '../parts/narrow.ts';
import { count, counted } from '../parts/format.ts';
import { Badge, Mark } from '../parts/mark.tsx';
import { Empty, Placeholder, Trouble } from '../parts/panel.tsx';
import { SearchBox } from '../parts/search-box.tsx';
import { Time } from '../parts/time.tsx';
import { Title } from '../parts/title.tsx';
import { VirtualRows } from '../parts/virtual-rows.tsx';
import { BOT_LOOKS, BOT_PHASE_ORDER } from '../parts/words.ts';
import { goTo, query, setQuery } from '../shell/router.ts';
import { hrefs } from '../shell/routes.ts';

const COLUMNS: readonly { sort: Sort; label: string; class: string }[] = [
  { sort: 'trouble', label: 'Status', class: 'c-status' },
  { sort: 'name', label: 'Name', class: 'c-name' },
  { sort: 'version', label: 'Type and version', class: 'c-version' },
  { sort: 'restarts', label: 'Restarts', class: 'c-number' },
  { sort: 'since', label: 'Since', class: 'c-when' },
];

/** All bots, as many as there are: searched, filtered and sorted where they are, with no word to the server. */
export function BotsPage() {
  const isNarrow = useNarrow();
  const text = query.value.get('q') ?? '';
  const phaseWords = query.value.get('phase') ?? '';
  const sortWord = query.value.get('sort') ?? '';
  const sort = SORTS.find((each) => each === sortWord.replace(/^-/, '')) ?? 'trouble';
  const reversed = sortWord.startsWith('-');
  const phases = useMemo(() => phasesOf(phaseWords), [phaseWords]);
  const version = fleetVersion.value;
  const rows = useMemo(
    () => chosenRows(fleetRows(), { text, phases, sort, reversed }),
    [version, text, phases, sort, reversed],
  );
  const { state, total, problem } = fleetLoading.value;
  return (
    <div class="page-fill">
      <Title
        text="Bots"
        aside={
          <SearchBox
            label="Search bots"
            placeholder="Name, id, type, version, reason"
            value={text}
            onInput={(q) => setQuery({ q })}
          />
        }
      />
      <PhaseFilter chosen={phases} />
      <p class="soft small count-line" role="status">
        {state === 'loading' && fleetSize() < total
          ? `${count(fleetSize())} of ${counted(total, 'bot')} read …`
          : rows.length === fleetSize()
            ? counted(rows.length, 'bot')
            : `${count(rows.length)} of ${counted(fleetSize(), 'bot')}`}
      </p>
      {problem === undefined ? null : <Trouble problem={problem} retry={() => void loadFleet()} />}
      {rows.length > 0 ? (
        <VirtualRows
          label="Bots"
          class="bots-grid"
          count={rows.length}
          rowPx={isNarrow ? 62 : 34}
          columns={COLUMNS.length + 1}
          keyOf={(at) => rows[at]?.id ?? String(at)}
          head={<Head sort={sort} reversed={reversed} />}
          row={(at) => <Cells row={rows[at]} />}
          onOpen={(at) => goTo(hrefs.bot(rows[at]?.id ?? ''))}
        />
      ) : state === 'loading' ? (
        <Placeholder lines={12} />
      ) : fleetSize() === 0 && state === 'ready' ? (
        <Empty title="No bots yet">A bot that the platform enables shows here within a moment.</Empty>
      ) : (
        <Empty title="No bot matches">
          <button type="button" class="button small" onClick={() => setQuery({ q: '', phase: '' })}>
            Show all
          </button>
        </Empty>
      )}
    </div>
  );
}

const WORDS = new Map(BOT_PHASE_ORDER.map((phase) => [BOT_LOOKS[phase].word, phase]));

const phasesOf = (words: string): ReadonlySet<BotPhase> =>
  new Set(words.split(',').flatMap((word) => WORDS.get(word) ?? []));

function PhaseFilter({ chosen }: { chosen: ReadonlySet<BotPhase> }) {
  const toggle = (phase: BotPhase): void => {
    const next = new Set(chosen);
    if (!next.delete(phase)) next.add(phase);
    setQuery({ phase: [...next].map((each) => BOT_LOOKS[each].word).join(',') });
  };
  return (
    <div class="chips" role="group" aria-label="Only bots that are">
      {BOT_PHASE_ORDER.filter((phase) => phase !== BotPhase.UNSPECIFIED).map((phase) => (
        <button
          key={phase}
          type="button"
          class="chip"
          aria-pressed={chosen.has(phase)}
          onClick={() => toggle(phase)}
        >
          <Mark look={BOT_LOOKS[phase]} />
          {BOT_LOOKS[phase].word}
        </button>
      ))}
    </div>
  );
}

const Head = ({ sort, reversed }: { sort: Sort; reversed: boolean }) => (
  <div class="row head" role="row" aria-rowindex={1}>
    {COLUMNS.map((column) => (
      <span
        key={column.sort}
        role="columnheader"
        class={column.class}
        aria-sort={column.sort === sort ? (reversed ? 'descending' : 'ascending') : 'none'}
      >
        <button
          type="button"
          onClick={() =>
            setQuery({
              sort:
                column.sort === sort && !reversed ? `-${sort}` : column.sort === 'trouble' ? '' : column.sort,
            })
          }
        >
          {column.label}
          <i aria-hidden="true">{column.sort === sort ? (reversed ? '↑' : '↓') : ''}</i>
        </button>
      </span>
    ))}
    <span role="columnheader" class="c-why">
      Why
    </span>
  </div>
);

/** Drawn anew for another row alone: while somebody scrolls most rows stay what they were. */
class Cells extends Component<{ row: BotRow | undefined }> {
  override shouldComponentUpdate(next: { row: BotRow | undefined }): boolean {
    return next.row !== this.props.row;
  }

  render() {
    const { row } = this.props;
    return row === undefined ? null : (
      <>
        <span role="gridcell" class="c-status">
          <Badge look={BOT_LOOKS[row.phase]} />
        </span>
        <span role="gridcell" class="c-name">
          <a href={hrefs.bot(row.id)} tabIndex={-1} title={row.id}>
            {row.name}
          </a>
        </span>
        <span role="gridcell" class="c-version" title={`${row.type} ${row.version}`}>
          {row.type.replace(/^realtime\//, '')} <small>{row.version}</small>
        </span>
        <span role="gridcell" class="c-number">
          {count(row.restarts)}
        </span>
        <span role="gridcell" class="c-when">
          <Time ms={row.sinceMs} as="ago" />
        </span>
        <span role="gridcell" class="c-why" title={row.reason}>
          {row.reason}
        </span>
      </>
    );
  }
}
