import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { followLog, readEarlier, type Earlier, type LogState } from '../data/follow-log.ts';
import { recoveries } from '../api/connection.ts';
import { problemOf } from '../api/problem.ts';
import { say } from '../shell/toasts.tsx';
import { AnsiText } from './ansi-text.tsx';
import { clockTime, count, utc } from './format.ts';
import { LEVELS, LogBuffer, namesOf, shownOf, type Entry } from './log-buffer.ts';
import { Empty, Placeholder, Trouble } from './panel.tsx';
import { SearchBox } from './search-box.tsx';
import { windowOf } from './virtual-window.ts';

const ROW_PX = 20;
const SEARCH_MS = 250;
type KnownLevel = (typeof LEVELS)[number];

/** A log as it is written, of which what is seen is drawn. Search and level are the server's: they reach all of the log. */
export function LogView({ id }: { id: string }) {
  const [typed, setTyped] = useState('');
  const [text, setText] = useState('');
  const [levels, setLevels] = useState<readonly KnownLevel[]>([]);
  const [version, setVersion] = useState(0);
  const [state, setState] = useState<LogState>({ is: 'loading' });
  const [note, setNote] = useState('');
  const [isPinned, setPinned] = useState(true);
  const buffer = useRef(new LogBuffer());
  const earlier = useRef<Earlier>({ token: '' });
  const box = useRef<HTMLDivElement>(null);
  const back = recoveries.value;
  const filter = useMemo(() => ({ text, levels: namesOf(levels) }), [text, levels]);

  useEffect(() => {
    const timer = setTimeout(() => setText(typed.trim()), SEARCH_MS);
    return () => clearTimeout(timer);
  }, [typed]);

  useEffect(() => {
    const stop = new AbortController();
    buffer.current = new LogBuffer();
    earlier.current = { token: '' };
    setPinned(true);
    setNote('');
    setVersion((before) => before + 1);
    const sink = {
      lines: (entries: Entry[]) => {
        const dropped = buffer.current.append(entries);
        // Whoever reads further up goes on to see what he reads.
        if (dropped > 0 && box.current !== null && !pinned.current) box.current.scrollTop -= dropped * ROW_PX;
        setVersion((before) => before + 1);
      },
      note: setNote,
      state: setState,
    };
    void followLog(id, filter, earlier.current, sink, stop.signal);
    return () => stop.abort();
  }, [id, filter, back]);

  const pinned = useRef(true);
  pinned.current = isPinned;
  const [view, setView] = useState({ scrollPx: 0, viewPx: 400 });
  useLayoutEffect(() => {
    const element = box.current;
    if (element !== null && isPinned) element.scrollTop = element.scrollHeight;
  }, [version, isPinned]);
  const look = (): void => {
    const element = box.current;
    if (element === null) return;
    setView({ scrollPx: element.scrollTop, viewPx: element.clientHeight });
    setPinned(element.scrollTop + element.clientHeight >= element.scrollHeight - ROW_PX);
  };

  const { entries, hasDropped, isFull } = buffer.current;
  const { first, last, topPx, heightPx } = windowOf({ count: entries.length, rowPx: ROW_PX, ...view });
  const showEarlier = async (): Promise<void> => {
    try {
      const lines = await readEarlier(id, filter, earlier.current);
      const element = box.current;
      buffer.current.prepend(lines);
      setPinned(false);
      setVersion((before) => before + 1);
      if (element !== null) requestAnimationFrame(() => (element.scrollTop += lines.length * ROW_PX));
    } catch (error) {
      say(problemOf(error).message);
    }
  };
  const isFiltered = text !== '' || levels.length > 0;
  return (
    <div class="log">
      <div class="log-bar">
        <SearchBox label="Search the log" value={typed} onInput={setTyped} />
        <div class="chips" role="group" aria-label="Only lines of level">
          {LEVELS.map((level) => (
            <button
              key={level}
              type="button"
              class={`chip level-${level}`}
              aria-pressed={levels.includes(level)}
              onClick={() =>
                setLevels(
                  levels.includes(level) ? levels.filter((each) => each !== level) : [...levels, level],
                )
              }
            >
              {level}
            </button>
          ))}
        </div>
        <LogStatus state={state} lines={entries.length} />
      </div>
      {state.is === 'away' ? <Trouble problem={state.problem} /> : null}
      {note === '' ? null : <p class="notice tone-waiting">{note}</p>}
      {entries.length === 0 ? (
        state.is === 'loading' ? (
          <Placeholder lines={8} />
        ) : (
          <Empty title={isFiltered ? 'No line matches' : 'Nothing printed yet'}>
            {isFiltered
              ? 'What matches and is printed from now on shows here.'
              : 'What it prints shows here at once.'}
          </Empty>
        )
      ) : (
        <>
          {earlier.current.token !== '' && !hasDropped && !isFull ? (
            <button type="button" class="button small" onClick={() => void showEarlier()}>
              Show earlier lines
            </button>
          ) : hasDropped ? (
            <p class="soft small">Only the newest lines are kept here; search reaches all of the log.</p>
          ) : null}
          <div
            ref={box}
            class="log-box"
            tabIndex={0}
            role="log"
            aria-live="off"
            aria-label="Log"
            onScroll={look}
          >
            <div class="rows-space" style={{ height: `${heightPx}px` }}>
              <div class="log-window" style={{ transform: `translateY(${topPx}px)` }}>
                {entries.slice(first, last).map((entry, at) => (
                  <Line key={first + at} entry={entry} />
                ))}
              </div>
            </div>
          </div>
          {isPinned ? null : (
            <button type="button" class="button small log-end" onClick={() => setPinned(true)}>
              ↓ Newest
            </button>
          )}
        </>
      )}
    </div>
  );
}

function Line({ entry }: { entry: Entry }) {
  const { level, text, atMs } = shownOf(entry);
  return (
    <div class={`log-line level-${level}`}>
      <span class="log-time" title={atMs === undefined ? undefined : utc(atMs)}>
        {atMs === undefined ? '' : clockTime(atMs)}
      </span>
      <span class="log-level">{level === 'none' ? '' : level}</span>
      <span>
        <AnsiText text={text} />
      </span>
    </div>
  );
}

const LogStatus = ({ state, lines }: { state: LogState; lines: number }) => (
  <p class="soft small log-state" role="status" data-lines={lines}>
    {state.is === 'live' ? <i class="live" aria-hidden="true" /> : null}
    {STATES[state.is]} <span aria-hidden="true">{count(lines)} lines</span>
  </p>
);

const STATES: Readonly<Record<LogState['is'], string>> = {
  loading: 'Reading',
  live: 'Live',
  away: 'Broken off, trying again',
  over: 'Complete',
};
