import { Code, ConnectError } from '@connectrpc/connect';
import type { Bot } from '../../../proto/gen/the0/runtime/v1/bots_pb.js';
import { bots } from '../api/clients.ts';
import { useEvents } from '../data/use-events.ts';
import { useLoad, type Loaded } from '../data/use-load.ts';
import { LogView } from '../parts/log-view.tsx';
import { Badge } from '../parts/mark.tsx';
import { Empty, Placeholder, Trouble } from '../parts/panel.tsx';
import { Title } from '../parts/title.tsx';
import { BOT_LOOKS } from '../parts/words.ts';
import { BOT_TABS, hrefs, type BotTab } from '../shell/routes.ts';
import { BotActions } from './bot-actions.tsx';
import { QueryTab } from './bot-query.tsx';
import { StateTab } from './bot-state.tsx';
import { StoryTab } from './bot-story.tsx';
import { UsageTab } from './bot-usage.tsx';
import { useState } from 'preact/hooks';

const TAB_NAMES: Readonly<Record<BotTab, string>> = {
  story: 'Story',
  log: 'Log',
  usage: 'Memory and CPU',
  state: 'State',
  query: 'Query',
};

/** Everything about one bot. */
export function BotPage({ id, tab }: { id: string; tab: BotTab }) {
  const [loaded, reload] = useBot(id);
  const bot = loaded.value;
  const name = bot === undefined || bot.name === '' ? id : bot.name;
  return (
    <div class={tab === 'log' ? 'page-fill' : ''}>
      <Title
        text={name}
        above={<code>{id}</code>}
        aside={bot === undefined ? undefined : <BotActions bot={bot} done={reload} />}
      >
        {name} {bot === undefined ? null : <Badge look={BOT_LOOKS[bot.phase]} />}
      </Title>
      <nav class="tabs" aria-label="Of this bot">
        {BOT_TABS.map((each) => (
          <a key={each} href={hrefs.bot(id, each)} aria-current={each === tab ? 'page' : undefined}>
            {TAB_NAMES[each]}
          </a>
        ))}
      </nav>
      {loaded.state === 'failed' ? (
        loaded.problem.isMissing ? (
          <Empty title="There is no such bot">It was deleted, or never was.</Empty>
        ) : (
          <Trouble problem={loaded.problem} retry={reload} />
        )
      ) : null}
      {bot === undefined ? (
        loaded.state === 'loading' ? (
          <Placeholder lines={8} />
        ) : null
      ) : (
        <Tab bot={bot} tab={tab} />
      )}
    </div>
  );
}

/** The bot as it is now: read once, then kept by what the stream tells. */
function useBot(id: string): [Loaded<Bot>, () => void] {
  const [loaded, reload] = useLoad(id, async (signal) => {
    const { bot } = await bots.getBot({ id }, { signal });
    if (bot === undefined) throw new ConnectError('There is no such bot', Code.NotFound);
    return bot;
  });
  const [told, setTold] = useState<{ bot: Bot; over: Loaded<Bot> }>();
  useEvents(({ event, subject }) => {
    if (subject.case === 'bot' && subject.value.id === id) setTold({ bot: subject.value, over: loaded });
    else if (event?.id === id) reload();
  });
  // What was told holds until it is read anew.
  const current: Loaded<Bot> =
    told !== undefined && told.over === loaded && loaded.state === 'ready'
      ? { state: 'ready', value: told.bot }
      : loaded;
  return [current, reload];
}

function Tab({ bot, tab }: { bot: Bot; tab: BotTab }) {
  switch (tab) {
    case 'story':
      return <StoryTab bot={bot} />;
    case 'log':
      return <LogView id={bot.id} />;
    case 'usage':
      return <UsageTab id={bot.id} />;
    case 'state':
      return <StateTab id={bot.id} />;
    case 'query':
      return <QueryTab id={bot.id} />;
  }
}
