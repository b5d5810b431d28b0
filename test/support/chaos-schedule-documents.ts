import type { ScheduleDocument } from '../../model/schedules.ts';
import { botDocument, newBotId } from './bots.ts';

/** A scheduled bot as the event consumer writes it. */
export function scheduleDocument(schedule: {
  id?: string;
  filePath: string;
  cron: string;
  config?: Readonly<Record<string, unknown>>;
}): ScheduleDocument {
  const { id = newBotId(), filePath, cron, config = {} } = schedule;
  const bot = botDocument(id, {
    filePath,
    config: { type: 'scheduled/example', schedule: cron, ...config },
  });
  const definition = { ...bot.custom?.config, type: 'scheduled' };
  return { ...bot, custom: { ...bot.custom, config: definition } };
}
