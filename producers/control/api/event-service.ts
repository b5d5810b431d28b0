import type { ServiceImpl } from '@connectrpc/connect';
import type { Collections } from '../../../infra/mongo/collections.ts';
import type { EventService } from '../../../proto/gen/the0/runtime/v1/events_pb.js';
import { pageOfAudit } from '../changes/audit-list.ts';
import { EventHub, type EventHubOptions } from '../events/hub.ts';
import { pageOfEvents } from '../events/list.ts';
import { streamEvents } from '../events/stream.ts';
import { auditMessage, eventMessage, ItemMessages } from './event-messages.ts';
import { spanIn } from './wire.ts';

export type EventServiceDeps = EventHubOptions & { collections: Pick<Collections, 'audit' | 'history'> };

export function eventService(deps: EventServiceDeps): ServiceImpl<typeof EventService> {
  const { collections } = deps;
  const hub = new EventHub(deps);
  const messages = new ItemMessages();
  return {
    listEvents: async ({ id, kinds, from, to, page }) => {
      const { events, nextToken } = await pageOfEvents(
        collections,
        {
          ...(id === '' ? {} : { id }),
          ...(kinds.length === 0 ? {} : { kinds }),
          ...spanIn({ from, to }),
        },
        page ?? {},
      );
      return { events: events.map(eventMessage), nextToken };
    },

    streamEvents: async function* ({ after, ids, kinds, withSubject }, { signal }) {
      const answers = streamEvents(
        hub,
        deps,
        {
          ...(after === '' ? {} : { after }),
          ...(ids.length === 0 ? {} : { ids: new Set(ids) }),
          ...(kinds.length === 0 ? {} : { kinds: new Set(kinds) }),
        },
        signal,
      );
      for await (const { item, position } of answers)
        yield item === undefined ? { heartbeat: true, position } : messages.of(item, { withSubject });
    },

    listAudit: async ({ target, who, what, from, to, page }) => {
      const { entries, nextToken } = await pageOfAudit(
        collections,
        {
          ...(target === '' ? {} : { target }),
          ...(who === '' ? {} : { who }),
          ...(what === '' ? {} : { what }),
          ...spanIn({ from, to }),
        },
        page ?? {},
      );
      return { entries: entries.map(auditMessage), nextToken };
    },
  };
}
