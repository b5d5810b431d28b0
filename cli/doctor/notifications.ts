import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Settings } from '../../infra/config/settings.ts';
import { keysOf, receiversOf } from '../../producers/notify/receiver.ts';
import { ok, warn, type Check } from './check.ts';
import { PATIENCE_MS, reasonOf } from './probed.ts';

/** Whether one that notifications go to lets itself be connected to; undefined: it does. */
export type ReceiverFacts = { name: string; isPlain: boolean; problem: string | undefined };

/** Connects to each, and sends nothing: "the0-runtime notifications test" does. */
export const probeReceivers = (settings: Settings): Promise<ReceiverFacts[]> =>
  Promise.all(
    receiversOf(settings).map(async ({ url, name }) => {
      const { protocol, hostname, port } = new URL(url);
      const isPlain = protocol === 'http:';
      const host = hostname.replaceAll(/[[\]]/g, '');
      const at = { host, port: Number(port || (isPlain ? 80 : 443)) };
      const connect = (): Socket =>
        isPlain ? connectTcp(at) : connectTls(isIP(host) === 0 ? { ...at, servername: host } : at);
      const problem = await problemWith(connect, isPlain ? 'connect' : 'secureConnect');
      return { name, isPlain: isPlain && !LOOPBACK.test(host), problem };
    }),
  );

const LOOPBACK = /^(127\.|localhost$|::1$)/;

function problemWith(connect: () => Socket, connected: string): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const socket = connect();
  socket.setTimeout(PATIENCE_MS, () => resolve(`no answer within ${PATIENCE_MS / 1_000} s`));
  socket.once(connected, () => resolve(undefined));
  socket.once('error', (error) => resolve(reasonOf(error)));
  return promise.finally(() => socket.destroy());
}

export function notificationChecks(receivers: readonly ReceiverFacts[], settings: Settings): Check[] {
  if (receivers.length === 0)
    return [
      ok(
        'receivers',
        'NOTIFY_URLS is unset: nobody is told of problems; they show in lists and metrics alone',
      ),
    ];
  return [
    ...receivers.map(({ name, isPlain, problem }) =>
      problem !== undefined
        ? warn(
            name,
            `it cannot be reached: ${problem}`,
            'correct its address in NOTIFY_URLS, or see why it is away',
          )
        : isPlain
          ? warn(
              name,
              'it is reached in clear: who is in between reads and forges messages',
              'give it an https:// address',
            )
          : ok(name, 'it can be reached'),
    ),
    keysOf(settings).length === 0
      ? warn(
          'signature',
          'NOTIFY_SECRET is unset: receivers cannot tell our messages from forged ones',
          'set NOTIFY_SECRET, unless the address itself is the secret, as Slack’s is',
        )
      : ok('signature', 'messages are signed'),
  ];
}
