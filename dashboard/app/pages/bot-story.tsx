import { durationMs } from '@bufbuild/protobuf/wkt';
import type { Bot, Exit } from '../../../proto/gen/the0/runtime/v1/bots_pb.js';
import { bots } from '../api/clients.ts';
import { msOf } from '../data/rows.ts';
import { useEvents, useThrottled } from '../data/use-events.ts';
import { useLoad } from '../data/use-load.ts';
import { count, lasting } from '../parts/format.ts';
import { ExplanationView } from '../parts/explanation.tsx';
import { Facts, Panel, Section } from '../parts/panel.tsx';
import { Story } from '../parts/story.tsx';
import { Time } from '../parts/time.tsx';
import { Output, traceFact } from './run.tsx';

/** Why the bot is as it is, and what happened to it. */
export function StoryTab({ bot }: { bot: Bot }) {
  const [loaded, reload] = useLoad(
    bot.id,
    async (signal) => (await bots.explainBot({ id: bot.id }, { signal })).explanation,
  );
  const soon = useThrottled(1_000, reload);
  useEvents(({ event }) => {
    if (event?.id === bot.id) soon();
  });
  return (
    <>
      <Panel loaded={loaded} reload={reload} lines={5}>
        {(explanation) => (explanation === undefined ? null : <ExplanationView explanation={explanation} />)}
      </Panel>
      <div class="columns wide-left">
        <div>
          <Section title="Story">
            <Story id={bot.id} />
          </Section>
          {bot.lastExit === undefined || bot.lastExit.lastOutput.length === 0 ? null : (
            <Section title="What it printed last before it ended">
              <Output lines={bot.lastExit.lastOutput} />
            </Section>
          )}
        </div>
        <Section title="Facts">
          <Facts facts={factsOf(bot)} />
        </Section>
      </div>
    </>
  );
}

export function exitText(exit: Exit): string {
  const how = exit.oomKilled
    ? 'killed: out of memory'
    : exit.signal === ''
      ? `exit code ${exit.exitCode}`
      : `${exit.signal} (exit code ${exit.exitCode})`;
  const up = exit.up === undefined ? '' : ` after ${lasting(durationMs(exit.up))}`;
  return `${how}${up}${exit.requested ? ', as asked' : ''}`;
}

const factsOf = (bot: Bot) =>
  [
    ['In this phase since', <Time ms={msOf(bot.since)} />],
    ['Started', <Time ms={msOf(bot.startedAt)} />],
    ...(bot.nextAttempt === undefined
      ? []
      : [['Next try', <Time ms={msOf(bot.nextAttempt)} as="ago" />] as const]),
    ['Restarts', count(bot.restarts)],
    ['Crashes in a row', count(bot.consecutiveFailures)],
    [
      'Last exit',
      bot.lastExit === undefined ? (
        'none'
      ) : (
        <>
          {exitText(bot.lastExit)}, <Time ms={msOf(bot.lastExit.at)} />
        </>
      ),
    ],
    ...(bot.failureCode === '' ? [] : [['Failure', <code>{bot.failureCode}</code>] as const]),
    ['Its owner wants', bot.enabled ? 'that it runs' : 'that it does not run'],
    ...(bot.hold === undefined
      ? []
      : [
          [
            'Held',
            <>
              by {bot.hold.who}, <Time ms={msOf(bot.hold.at)} />: {bot.hold.why}
            </>,
          ] as const,
        ]),
    ...(bot.restart === undefined
      ? []
      : [
          [
            'Restart wished',
            <>
              by {bot.restart.who}, <Time ms={msOf(bot.restart.at)} />: {bot.restart.why}
            </>,
          ] as const,
        ]),
    ...traceFact(bot),
    ['Type', bot.type === '' ? '–' : bot.type],
    ['Version', bot.version === '' ? '–' : bot.version],
    ['Runtime', bot.runtime],
    ['Image', <code>{bot.image === '' ? '–' : bot.image}</code>],
    ['Container', <code>{bot.container === '' ? '–' : bot.container.slice(0, 12)}</code>],
  ] as const;
