/** A server that is there, and does not let us in. */
export type LoginRefusal = { server: 'MongoDB' | 'Redis' | 'NATS'; setting: string };

/** MongoDB's for a login that failed, here and at Atlas; and for no login where one is needed, or too few rights. */
const MONGO_LOGIN = new Set<unknown>([18, 8000]);
const MONGO_UNAUTHORIZED = 13;
const REDIS_LOGIN = /^(WRONGPASS|NOAUTH|ERR (invalid password|AUTH |Client sent AUTH))/;

/**
 * Whether an error says that a server refused our login. By the names that the drivers give their errors, so that no
 * process loads a driver that it does not use.
 */
export function loginRefusal(error: unknown): LoginRefusal | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as { code?: unknown };
  if (error.name === 'MongoServerError' && (MONGO_LOGIN.has(code) || code === MONGO_UNAUTHORIZED))
    return { server: 'MongoDB', setting: 'MONGO_URI' };
  if (error.name === 'ReplyError' && REDIS_LOGIN.test(error.message))
    return { server: 'Redis', setting: 'REDIS_URL' };
  if (error.name === 'AuthorizationError' || error.name === 'UserAuthenticationExpiredError')
    return { server: 'NATS', setting: 'NATS_URL' };
  return error.cause === undefined ? undefined : loginRefusal(error.cause);
}

/** In words, with the cure. Constant for each server, so that it may stand in a log's message. */
export const refusalInWords = ({ server, setting }: LoginRefusal): string =>
  `${server} refused the login: check user and password in ${setting}`;
