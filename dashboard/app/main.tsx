import 'uplot/dist/uPlot.min.css';
import './style/app.css';
import { render } from 'preact';
import { startClock } from './api/clock.ts';
import { connection, waitAway } from './api/connection.ts';
import { loginHref, NotLoggedIn, readSession, session } from './api/session.ts';
import { loadFleet, showFirstBots } from './data/fleet.ts';
import { followEvents, streamBegun } from './data/live.ts';
import { startStats } from './data/stats.ts';
import { App } from './shell/app.tsx';
import { startKeys } from './shell/keys.ts';
import { startRouter } from './shell/router.ts';

/** So long the rest of the fleet waits for the stream. */
const PATIENCE_MS = 5_000;

const root = document.getElementById('app');
if (root === null) throw new Error('The page has no place for the app');
// Preact would keep the placeholder and put itself beside it.
root.replaceChildren();
render(<App />, root);
startRouter();
startKeys();
startClock();
await logIn();

/** Nothing is asked of the API before it is known who asks: every call carries the session's secret. */
async function logIn(): Promise<void> {
  for (let tries = 1; session.value === undefined; tries += 1) {
    try {
      session.value = await readSession();
    } catch (error) {
      if (error instanceof NotLoggedIn) return location.assign(loginHref());
      await waitAway(tries, 'The dashboard’s server does not answer');
    }
  }
  connection.value = { state: 'up' };
  startStats();
  void followEvents();
  await showFirstBots();
  // What is read before the stream has begun may change unseen; where it does not come, all is read in any case.
  await Promise.race([streamBegun, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
  void loadFleet();
}
