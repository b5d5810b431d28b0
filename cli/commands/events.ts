import type { Command } from 'commander';
import type { Api } from '../client/api.ts';
import { endless, follow } from '../client/follow.ts';
import { allOf } from '../client/pages.ts';
import { spanOf, type SpanFlags } from '../client/span.ts';
import { withApi } from '../client/with-api.ts';
import { eventLine, eventsTable } from '../events/table.ts';
import { EVENT_KINDS, eventView, type EventKind } from '../events/view.ts';
import { messageOf } from '../../infra/message-of.ts';
import { asClient, type ApiFlags } from './api-command.ts';
import { look, moment, wholeNumber, wordsFlag } from './flags.ts';
import { IdArgument } from './id-argument.ts';
import { show, untilInterrupted } from './watching.ts';

type Flags = ApiFlags & SpanFlags & { follow?: boolean; kind?: EventKind[]; limit: number };

const SHOWN = 50;
const MOST = 100_000;

export function eventsCommand(program: Command): void {
  asClient(program.command('events'))
    .description(
      'what happened to bots, schedules and runs, the newest first; with -f what happens from now on',
    )
    .addArgument(new IdArgument('[id]', 'any'))
    .option('-f, --follow', 'what happens from now on, until Ctrl-C')
    .addOption(wordsFlag('--kind <kinds>', 'of these kinds', 'kind', EVENT_KINDS))
    .option('--from <time>', 'from this on, such as 2026-11-24T10:00:00Z', moment)
    .option('--to <time>', 'before this', moment)
    .option('--limit <events>', 'how many', wholeNumber(1, MOST), SHOWN)
    .action(events);
}

async function events(id: string | undefined, _flags: Flags, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<Flags>();
  const { kind: kinds = [], limit } = flags;
  if (flags.follow === true)
    return withApi(flags, (api, tell) =>
      untilInterrupted((signal) => followEvents(api, { id, kinds, json: flags.json === true, signal, tell })),
    );
  await show(
    flags,
    async (api) => {
      const found = await allOf(async (page) => {
        const answer = await api.events.listEvents({ id: id ?? '', kinds, ...spanOf(flags), page });
        return { items: answer.events, nextToken: answer.nextToken };
      }, limit);
      return found.map(eventView);
    },
    (views, how) => (views.length === 0 ? 'Nothing of that is on record.' : eventsTable(views, how)),
  );
}

type Following = {
  id: string | undefined;
  kinds: readonly EventKind[];
  json: boolean;
  signal: AbortSignal;
  tell: (error: unknown) => Promise<unknown>;
};

/** Each as a line, as it comes. */
const followEvents = (api: Api, { id, kinds, json, signal, tell }: Following): Promise<void> =>
  follow({
    open: (after) =>
      api.events.streamEvents(
        {
          after,
          ids: id === undefined ? [] : [id],
          kinds: kinds.length === 0 ? [...EVENT_KINDS] : [...kinds],
        },
        endless(signal),
      ),
    take: ({ event }) => {
      if (event === undefined) return;
      const view = eventView(event);
      console.log(json ? JSON.stringify(view) : eventLine(view, look()));
    },
    interrupted: async (error) => console.error(`${messageOf(await tell(error))}; it goes on`),
    signal,
  });
