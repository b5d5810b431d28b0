import type { Event } from '../../../proto/gen/the0/runtime/v1/events_pb.js';
import { records } from '../api/clients.ts';
import { msOf } from '../data/rows.ts';
import { chaptersOf, type Chapter } from '../data/story.ts';
import { useEvents } from '../data/use-events.ts';
import { usePages } from '../data/use-pages.ts';
import { count, lasting } from './format.ts';
import { Mark } from './mark.tsx';
import { Marked } from './marked.tsx';
import { Empty, Placeholder, Trouble } from './panel.tsx';
import { Time } from './time.tsx';
import { lookOfWord, type Look } from './words.ts';

const PAGE = 100;

/** What has happened to a bot, schedule or run, newest first; what happens while somebody looks comes on top. */
export function Story({ id }: { id: string }) {
  const pages = usePages<Event>(
    id,
    async (token, signal) => {
      const { events, nextToken } = await records.listEvents({ id, page: { size: PAGE, token } }, { signal });
      return { items: events, nextToken };
    },
    ({ at, kind, text, after }) => `${msOf(at) ?? 0} ${kind} ${after} ${text}`,
  );
  useEvents(({ event }) => {
    if (event !== undefined && (event.id === id || event.schedule === id) && event.kind !== 'changed')
      pages.put(event, true);
  });
  const { items, state, problem, more, reload } = pages;
  return (
    <>
      {problem === undefined ? null : <Trouble problem={problem} retry={reload} />}
      {items.length === 0 && state === 'loading' ? <Placeholder lines={6} /> : null}
      {items.length === 0 && state === 'ready' ? (
        <Empty title="Nothing on record">What happens from now on shows here.</Empty>
      ) : null}
      <ol class="story">
        {chaptersOf(items).map((chapter, at) => (
          <Line key={at} chapter={chapter} />
        ))}
      </ol>
      {more === undefined ? null : (
        <p class="more">
          <button type="button" class="button small" onClick={more}>
            Show earlier
          </button>
        </p>
      )}
    </>
  );
}

const KINDS: Readonly<Record<string, Look>> = {
  hold: { word: 'hold', tone: 'wanted', glyph: 'pause' },
  restart: { word: 'restart', tone: 'wanted', glyph: 'loop' },
  deploy: { word: 'deploy', tone: 'moving', glyph: 'diamond' },
  removed: { word: 'removed', tone: 'off', glyph: 'dash' },
  gap: { word: 'gap', tone: 'off', glyph: 'ring' },
};

const lookOf = ({ kind, after }: Event): Look => KINDS[kind] ?? lookOfWord(after);

function Line({ chapter }: { chapter: Chapter }) {
  if (chapter.is === 'event') {
    const { event } = chapter;
    return (
      <li>
        <span class="story-when">
          <Time ms={msOf(event.at)} />
        </span>
        <Mark look={lookOf(event)} />
        <span class="story-text">
          <Marked text={event.text} /> {event.who === '' ? null : <span class="soft">({event.who})</span>}
        </span>
      </li>
    );
  }
  const { events, rounds, phases, fromMs, toMs } = chapter;
  return (
    <li class="again">
      <span class="story-when">
        <Time ms={toMs} />
      </span>
      <Mark look={{ tone: 'waiting', glyph: 'loop' }} />
      <details class="story-text">
        <summary>
          {count(rounds)} times through {phases.join(', ')} within {lasting(toMs - fromMs)}
        </summary>
        <ol>
          {events.slice(0, 200).map((event, at) => (
            <li key={at}>
              <span class="story-when">
                <Time ms={msOf(event.at)} />
              </span>
              <Mark look={lookOf(event)} />
              <span class="story-text">
                <Marked text={event.text} />
              </span>
            </li>
          ))}
        </ol>
      </details>
    </li>
  );
}
