import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { AppViewRoute } from '@bull-board/api/typings/app';
import { ExpressAdapter } from '@bull-board/express';
import type { Queue } from 'bullmq';
import type { Request, Response, Router } from 'express';

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

/** Bull Board over the given queues, to be mounted at `basePath` behind the login. */
export function bullBoard(options: { queues: readonly Queue[]; basePath: string; title: string }): Router {
  const adapter = new OfflineAdapter().setBasePath(options.basePath);
  createBullBoard({
    queues: options.queues.map((queue) => new BullMQAdapter(queue)),
    serverAdapter: adapter,
    options: {
      uiConfig: {
        boardTitle: options.title,
        boardLogo: { path: '/assets/icon.svg', width: 28, height: 28 },
        favIcon: { default: '/assets/icon.svg', alternative: '/assets/icon.svg' },
        miscLinks: [{ text: 'Log out', url: '/logout' }],
      },
    },
  });
  return adapter.getRouter() as Router;
}
