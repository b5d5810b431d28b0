import type { Logger } from '../../../infra/logger.ts';
import { isLoopback } from '../../../infra/loopback.ts';

/** The API was to be reachable from elsewhere while nobody could log in: it never starts open, nor shut for ever. */
export class NoTokenYet extends Error {
  override readonly name = 'NoTokenYet';
  readonly code = 'no_token_yet';
  readonly retryable = false;
  constructor(setting: string, host: string) {
    super(
      `The control API refuses to listen on ${setting}=${host}, which others can reach, before there is a token: make one with "the0-runtime tokens create NAME --role admin", or listen on 127.0.0.1`,
    );
  }
}

export type Exposure = {
  /** Where it is to listen: the setting, and its value. */
  hosts: readonly { setting: string; host: string }[];
  hasToken: () => Promise<boolean>;
  tls: boolean;
  behindProxy: boolean;
  log: Logger;
};

/**
 * Looks at who will be able to reach the API.
 * @throws NoTokenYet
 */
export async function checkExposure({ hosts, hasToken, tls, behindProxy, log }: Exposure): Promise<void> {
  const open = hosts.filter(({ host }) => !isLoopback(host));
  const anyToken = await hasToken();
  if (!anyToken && open[0] !== undefined) throw new NoTokenYet(open[0].setting, open[0].host);
  if (!anyToken)
    log.warn(
      'There is no token yet, so nobody can call the API: the0-runtime tokens create NAME --role admin',
    );
  if (open.length > 0 && !tls && !behindProxy)
    log.warn(
      { listening: open.map(({ setting, host }) => `${setting}=${host}`) },
      'Tokens travel in clear: set CONTROL_TLS_CERT_FILE and CONTROL_TLS_KEY_FILE, or put a proxy that speaks TLS in front and set CONTROL_BEHIND_PROXY',
    );
}
