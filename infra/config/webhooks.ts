import { createHash } from 'node:crypto';
import { z } from 'zod';
import { NOTIFICATION_KINDS, type NotificationKind } from '../../model/notifications.ts';

/** An address that notifications are posted to. */
export type Webhook = {
  /** May hold a secret, as Slack’s do: never shown. */
  url: string;
  /** Shown in its place: the host, and what tells it from others there. */
  name: string;
  /** Those that this one wants; undefined: as NOTIFY_KINDS says. */
  kinds: readonly NotificationKind[] | undefined;
};

const isKind = (word: string): word is NotificationKind =>
  (NOTIFICATION_KINDS as readonly string[]).includes(word);
const KNOWN = NOTIFICATION_KINDS.join(', ');

/** Comma-separated addresses. A fragment, which is never sent, names the kinds that one wants: `https://…#failed+capacity`. */
export const webhooks = () =>
  z
    .string()
    .default('')
    .transform((value, ctx) => {
      const found: Webhook[] = [];
      for (const [index, text] of wordsOf(value).entries()) {
        const parsed = webhookOf(text);
        // Not the address itself: it may be a secret.
        if (typeof parsed === 'string')
          ctx.addIssue({ code: 'custom', message: `address ${index + 1} ${parsed}` });
        else found.push(parsed);
      }
      return found;
    });

/** Comma-separated kinds of notifications. */
export const notificationKinds = () =>
  z
    .string()
    .default(NOTIFICATION_KINDS.join(','))
    .transform((value, ctx) => {
      const words = wordsOf(value);
      const unknown = words.find((word) => !isKind(word));
      if (unknown !== undefined)
        ctx.addIssue({
          code: 'custom',
          message: `there is no kind ${JSON.stringify(unknown)}; there are ${KNOWN}`,
        });
      return words.filter(isKind);
    });

const wordsOf = (value: string): string[] =>
  value
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');

/** Or what is wrong with it, to be read after "address N". */
function webhookOf(text: string): Webhook | string {
  if (!URL.canParse(text)) return 'is no URL: expected https://host/path';
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return `has the scheme ${url.protocol}// : expected https://`;
  if (url.username !== '' || url.password !== '')
    return 'holds a user or a password: receivers verify the signature instead';
  const fragment = decoded(url.hash.slice(1));
  if (fragment === undefined)
    return 'has a fragment that is not URL-encoded: expected kinds, as in #failed+capacity';
  const words = fragment.split('+').filter((word) => word !== '');
  const unknown = words.find((word) => !isKind(word));
  if (unknown !== undefined) return `asks for the kind ${JSON.stringify(unknown)}; there are ${KNOWN}`;
  url.hash = '';
  const mark = createHash('sha256').update(url.href).digest('hex').slice(0, 6);
  return {
    url: url.href,
    name: `${url.host}-${mark}`,
    kinds: words.length === 0 ? undefined : words.filter(isKind),
  };
}

/** undefined: a % in it stands for nothing. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
