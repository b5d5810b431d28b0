import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { AppViewRoute } from '@bull-board/api/typings/app';
import { ExpressAdapter } from '@bull-board/express';
import type { Queue } from 'bullmq';
import type { Request, Response, Router } from 'express';
import { shownData, shownResult } from './job-data.ts';

/** Bull Board's page asks another host for its fonts: ours names no other host, and works without a network. */
const FOREIGN_LINK = /<link\b[^>]*\bhref="https?:\/\/[^>]*>\s*/g;

class OfflineAdapter extends ExpressAdapter {
  override setEntryRoute(route: AppViewRoute): ExpressAdapter {
    const show = (_request: Request, response: Response): void => {
      const { name, params } = route.handler({ basePath: this.basePath, uiConfig: this.uiConfig });
      response.render(name, params, (error: Error | null, html?: string) => {
        if (error !== null || html === undefined)
          response.status(500).type('text').send('Bull Board’s page could not be rendered');
        else response.type('html').send(html.replaceAll(FOREIGN_LINK, ''));
      });
    };
    this.app.get(route.route as string[], show);
    return this;
  }
}

export type BoardOptions = {
  queues: readonly Queue[];
  basePath: string;
  title: string;
  /** Without what changes something, on the page and behind it. */
  readOnly: boolean;
};

/** Bull Board over the given queues, to be mounted at `basePath` behind the login. */
export function bullBoard({ queues, basePath, title, readOnly }: BoardOptions): Router {
  const adapter = new OfflineAdapter().setBasePath(basePath);
  createBullBoard({
    queues: queues.map((queue) => shown(queue, readOnly)),
    serverAdapter: adapter,
    options: {
      uiConfig: {
        boardTitle: title,
        boardLogo: { path: '/assets/icon.svg', width: 28, height: 28 },
        favIcon: { default: '/assets/icon.svg', alternative: '/assets/icon.svg' },
        miscLinks: [
          { text: 'Dashboard', url: '/' },
          { text: 'Log out', url: '/logout' },
        ],
        hideDocsLink: true,
      },
    },
  });
  return adapter.getRouter() as Router;
}

function shown(queue: Queue, readOnlyMode: boolean): BullMQAdapter {
  const adapter = new BullMQAdapter(queue, { readOnlyMode });
  adapter.setFormatter('data', shownData);
  adapter.setFormatter('returnValue', (result) => shownResult(queue.name, result));
  adapter.setFormatter('progress', (progress) => (typeof progress === 'number' ? progress : 0));
  return adapter;
}
