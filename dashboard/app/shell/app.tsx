import { session } from '../api/session.ts';
import { Empty, Placeholder } from '../parts/panel.tsx';
import { AuditPage } from '../pages/audit.tsx';
import { BotPage } from '../pages/bot.tsx';
import { BotsPage } from '../pages/bots.tsx';
import { FleetPage } from '../pages/fleet.tsx';
import { RunPage } from '../pages/run.tsx';
import { RunsPage } from '../pages/runs.tsx';
import { SchedulePage } from '../pages/schedule.tsx';
import { SchedulesPage } from '../pages/schedules.tsx';
import { SystemPage } from '../pages/system.tsx';
import { Banner } from './banner.tsx';
import { ActionDialog } from './dialog.tsx';
import { Nav } from './nav.tsx';
import { place } from './router.ts';
import { hrefs, type Place } from './routes.ts';
import { Toasts } from './toasts.tsx';

export function App() {
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Nav />
      <main id="main" tabIndex={-1}>
        <Banner />
        {session.value === undefined ? <Placeholder lines={8} /> : <Page at={place.value} />}
      </main>
      <ActionDialog />
      <Toasts />
    </>
  );
}

function Page({ at }: { at: Place }) {
  switch (at.page) {
    case 'fleet':
      return <FleetPage />;
    case 'bots':
      return <BotsPage />;
    case 'bot':
      return <BotPage key={at.id} id={at.id} tab={at.tab} />;
    case 'schedules':
      return <SchedulesPage />;
    case 'schedule':
      return <SchedulePage key={at.id} id={at.id} />;
    case 'runs':
      return <RunsPage />;
    case 'run':
      return <RunPage key={at.id} id={at.id} />;
    case 'audit':
      return <AuditPage />;
    case 'system':
      return <SystemPage />;
    case 'nowhere':
      return (
        <Empty title="There is no such page">
          <a href={hrefs.fleet}>Back to the fleet</a>
        </Empty>
      );
  }
}
