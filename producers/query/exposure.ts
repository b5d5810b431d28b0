import type { Settings } from '../../infra/config/settings.ts';
import { isLoopback } from '../../infra/loopback.ts';

export type QueryExposure = Pick<Settings, 'QUERY_SERVER_HOST' | 'QUERY_PUBLISHED_HOST' | 'QUERY_TOKEN'>;

/**
 * What is to be warned of: others than this machine reach the server, and whoever does can ask every bot. A container listens
 * on all of its own addresses, which says nothing: there it is where the port is published that counts.
 */
export function openToOthers({
  QUERY_SERVER_HOST: host,
  QUERY_PUBLISHED_HOST: published,
  QUERY_TOKEN: token,
}: QueryExposure): { listening: string } | undefined {
  if (token !== undefined || isLoopback(published ?? host)) return undefined;
  return {
    listening: published === undefined ? `QUERY_SERVER_HOST=${host}` : `QUERY_PUBLISHED_HOST=${published}`,
  };
}
