import { durationMs } from '@bufbuild/protobuf/wkt';
import { useMemo } from 'preact/hooks';
import type { BotPhase } from '../../../proto/gen/the0/runtime/v1/bots_pb.js';
import { minute } from '../api/clock.ts';
import { fleetLoading, fleetRows, fleetVersion, loadFleet } from '../data/fleet.ts';
import { summarise, type BotRow } from '../data/rows.ts';
import { stats } from '../data/stats.ts';
import { attentionOf } from '../data/attention.ts';
import { count, counted, lasting } from '../parts/format.ts';
import { Badge, Mark } from '../parts/mark.tsx';
import { Empty, Placeholder, Section, Trouble } from '../parts/panel.tsx';
import { Time } from '../parts/time.tsx';
import { Title } from '../parts/title.tsx';
import { BOT_LOOKS, BOT_PHASE_ORDER, needsSomeone, RUN_WORDS } from '../parts/words.ts';
import { hrefs } from '../shell/routes.ts';
import { FleetField } from './fleet-field.tsx';

const HOUR_MS = 3_600_000;
const SHOWN = 12;

/** The whole at a glance: how many stand how, what needs someone, what changed. */
export function FleetPage() {
  const version = fleetVersion.value;
  const { state, total, problem } = fleetLoading.value;
  const atMinute = minute.value;
  const rows = useMemo(() => [...fleetRows()], [version]);
  const summary = useMemo(() => summarise(rows, atMinute * 60_000 - HOUR_MS, SHOWN), [rows, atMinute]);
  // While pages still come, the counts of all are the API's.
  const counts =
    state === 'ready'
      ? summary.counts
      : new Map((stats.value?.bots ?? []).map(({ phase, count: some }) => [phase, some]));
  return (
    <>
      <Title text="Fleet" aside={<Pulse />} />
      {problem === undefined ? null : <Trouble problem={problem} retry={() => void loadFleet()} />}
      <Phases counts={counts} />
      {rows.length > 0 ? <FleetField rows={rows} /> : null}
      {state === 'loading' && rows.length < total ? (
        <p class="soft small" role="status">
          {count(rows.length)} of {counted(total, 'bot')} read …
        </p>
      ) : null}
      <div class="columns">
        <NeedsSomeone
          rows={summary.needing}
          all={summary.needingCount}
          isKnown={rows.length > 0 || state === 'ready'}
        />
        <Section
          title="Changed in the last hour"
          aside={<span class="soft">{counted(summary.changedCount, 'bot')}</span>}
        >
          {summary.changed.length === 0 ? (
            state === 'ready' ? (
              <Empty title="Nothing changed">No bot passed into another phase within the hour.</Empty>
            ) : (
              <Placeholder lines={6} />
            )
          ) : (
            <BotLines rows={summary.changed} more={summary.changedCount} href={`${hrefs.bots}?sort=since`} />
          )}
        </Section>
      </div>
    </>
  );
}

function Phases({ counts }: { counts: ReadonlyMap<BotPhase, number> }) {
  const there = BOT_PHASE_ORDER.filter((phase) => (counts.get(phase) ?? 0) > 0);
  const all = there.reduce((sum, phase) => sum + (counts.get(phase) ?? 0), 0);
  if (all === 0) return null;
  return (
    <ul class="phases">
      {there.map((phase) => (
        <li key={phase} class={needsSomeone(phase) ? 'loud' : ''}>
          <a href={`${hrefs.bots}?phase=${encodeURIComponent(BOT_LOOKS[phase].word)}`}>
            <strong>{count(counts.get(phase) ?? 0)}</strong>
            <Badge look={BOT_LOOKS[phase]} />
          </a>
        </li>
      ))}
      <li class="all">
        <a href={hrefs.bots}>
          <strong>{count(all)}</strong>
          <span class="badge">in all</span>
        </a>
      </li>
    </ul>
  );
}

/** What goes through the installation: runs of the hour, jobs that wait. */
function Pulse() {
  const is = stats.value;
  if (is === undefined) return null;
  const oldest = is.oldestWaiting === undefined ? undefined : durationMs(is.oldestWaiting);
  return (
    <dl class="pulse">
      <div>
        <dt>Oldest waiting job</dt>
        <dd>{oldest === undefined || is.jobsWaiting === 0n ? 'none' : lasting(oldest)}</dd>
      </div>
      <div>
        <dt>Jobs waiting</dt>
        <dd>{count(is.jobsWaiting)}</dd>
      </div>
      {is.runsLastHour
        .filter(({ count: some }) => some > 0n)
        .map(({ name, count: some }) => (
          <div key={name}>
            <dt>{RUN_WORDS[name] ?? name}, 1 h</dt>
            <dd>{count(some)}</dd>
          </div>
        ))}
    </dl>
  );
}

function NeedsSomeone({ rows, all, isKnown }: { rows: readonly BotRow[]; all: number; isKnown: boolean }) {
  const others = stats.value === undefined ? [] : attentionOf(stats.value);
  return (
    <Section title="Needs someone" aside={<span class="soft">{counted(all, 'bot')}</span>}>
      {others.map(({ text, href, tone }) => (
        <p key={text} class={`notice tone-${tone}`}>
          <Mark look={{ tone, glyph: tone === 'trouble' ? 'triangle' : 'diamond' }} />
          <a href={href}>{text}</a>
        </p>
      ))}
      {!isKnown ? (
        <Placeholder lines={6} />
      ) : rows.length === 0 && others.length === 0 ? (
        <Empty title="All is well">No bot has failed, none waits for its next try.</Empty>
      ) : (
        <BotLines rows={rows} more={all} href={hrefs.bots} />
      )}
    </Section>
  );
}

const BotLines = ({ rows, more, href }: { rows: readonly BotRow[]; more: number; href: string }) => (
  <>
    <ul class="lines">
      {rows.map((row) => (
        <li key={row.id}>
          <a href={hrefs.bot(row.id)}>
            <Mark look={BOT_LOOKS[row.phase]} />
            <span class="lines-name">{row.name}</span>
            <span class="lines-why">{row.reason}</span>
            <span class="lines-when">
              <Time ms={row.sinceMs} as="ago" />
            </span>
          </a>
        </li>
      ))}
    </ul>
    {more > rows.length ? (
      <p class="more">
        <a href={href}>{counted(more - rows.length, 'more', 'more')}</a>
      </p>
    ) : null}
  </>
);
