import type { Settings } from '../../infra/config/settings.ts';
import type { NotificationKind } from '../../model/notifications.ts';

/** One that wants to be told, as the settings name it. */
export type Receiver = {
  /** May hold a secret: never shown. */
  url: string;
  /** Shown in its place, and stored with its messages. */
  name: string;
  kinds: ReadonlySet<NotificationKind>;
};

/** Keys that messages are signed with, the new one first; empty: they are not signed. */
export type Keys = readonly string[];

/** One for each address: where the settings name one twice, it gets what either of them asks for, once. */
export function receiversOf({
  NOTIFY_URLS,
  NOTIFY_KINDS,
}: Pick<Settings, 'NOTIFY_URLS' | 'NOTIFY_KINDS'>): Receiver[] {
  const byName = new Map<string, Receiver>();
  for (const { url, name, kinds = NOTIFY_KINDS } of NOTIFY_URLS)
    byName.set(name, { url, name, kinds: new Set([...(byName.get(name)?.kinds ?? []), ...kinds]) });
  return [...byName.values()];
}

export const keysOf = ({
  NOTIFY_SECRET,
  NOTIFY_SECRET_PREVIOUS,
}: Pick<Settings, 'NOTIFY_SECRET' | 'NOTIFY_SECRET_PREVIOUS'>): Keys =>
  [NOTIFY_SECRET, NOTIFY_SECRET_PREVIOUS].filter((key) => key !== undefined);
