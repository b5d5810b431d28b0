import type { EventOrder, HistoryDocument } from '../../infra/mongo/collections.ts';
import type { BotCustom, BotDocument } from '../../model/bots.ts';
import { fingerprint } from '../../model/fingerprint.ts';
import type { EventContent } from './document.ts';

/** As much of a document as its story is told by. */
type Content = Pick<BotDocument, 'config' | 'custom'>;

/** When it happened is the database's to say. */
export type DeployedEntry = Omit<HistoryDocument, 'at'>;

const MAX_VERSION = 100;

/**
 * What an update brought to a bot or schedule, as an entry of its story; undefined: nothing by which it behaves. Names only: a
 * configuration may hold exchange keys. Told twice, it is the same entry.
 */
export function deployedEntry(
  id: string,
  before: Content,
  after: EventContent,
  order: EventOrder,
): DeployedEntry | undefined {
  const [from, to] = [versionOf(before.custom), versionOf(after.custom)];
  const isOtherCode = before.custom?.filePath !== after.custom.filePath;
  // With its code as it was, so that what is left to differ is the configuration.
  const ofConfig = (content: Content): string =>
    fingerprint({ id, config: content.config ?? {}, custom: { ...content.custom, filePath: '' } });
  const isOtherConfig = ofConfig(before) !== ofConfig(after);
  const parts = [
    ...(from !== to
      ? [`Version ${named(from)} → ${named(to)} was deployed`]
      : isOtherCode
        ? [`Other code of version ${named(to)} was deployed`]
        : []),
    ...(isOtherConfig ? ['its configuration was changed'] : []),
  ];
  if (parts.length === 0) return undefined;
  const text = `${parts.join(', and ')}.`;
  return {
    _id: `deploy-${order.streamCreatedAt.getTime()}-${order.sequence}-${id}`,
    kind: 'deploy',
    // Of a bot or a schedule: events are the same for both.
    subject: '',
    id,
    story: [id],
    before: from,
    after: to,
    text: text.charAt(0).toUpperCase() + text.slice(1),
  };
}

const versionOf = (custom: BotCustom | undefined): string => {
  const version: unknown = custom?.version ?? custom?.config?.version;
  return typeof version === 'string' ? version.slice(0, MAX_VERSION) : '';
};

const named = (version: string): string => (version === '' ? '(none)' : version);
