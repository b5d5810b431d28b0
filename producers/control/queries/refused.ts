import {
  ControlError,
  Exhausted,
  FailedPrecondition,
  InvalidRequest,
  NotFound,
  ProgramFailed,
  TooLate,
  Unavailable,
} from '../errors.ts';

type Body = Readonly<Record<string, unknown>>;

const MAX_TEXT = 1_000;
const RETRY_AFTER_MS = 1_000;

/** What the query server answered instead of data, as an error of ours. Pure. */
export function refusedQuery(
  status: number,
  headers: Pick<Headers, 'get'>,
  body: Body,
  { id, path }: { id: string; path: string },
): ControlError {
  const said = wordsOf(body['error']);
  switch (status) {
    case 400:
    case 413:
      return new InvalidRequest(fieldOf(said), `The query server says: ${said}`, 'correct it and ask again');
    case 401:
    case 403:
      return new FailedPrecondition(
        'query_server_refused',
        '',
        `The query server does not take questions from here (${said})`,
        'give this process the QUERY_TOKEN of the query server',
      );
    case 404:
      return said.includes('query entrypoint')
        ? new NoQueryProgram(id)
        : new NotFound('bot or schedule', id, 'id');
    case 429:
      return retryAfter(
        new Exhausted('too_many_queries', '', `The query server says: ${said}`, 'ask again in a moment'),
        headers,
      );
    case 503:
      return new Unavailable(
        'query-server',
        `The query cannot be answered now: ${said}`,
        'ask again in a moment',
      );
    case 504:
      return new TooLate(
        'query_too_late',
        'timeout',
        `The query got no answer: ${said}`,
        'give it more time, or look what its program is at: its log says',
      );
    default:
      return failed(said, body['available'], path);
  }
}

/** The bot is there, and answers no queries. */
class NoQueryProgram extends ControlError {
  override readonly name = 'NoQueryProgram';
  override readonly refusal = 'not-found';
  constructor(id: string) {
    super(
      'query_program_not_found',
      'id',
      `${JSON.stringify(id)} has no query program`,
      'name one as entrypoints.query of its definition and deploy it again',
    );
  }
}

/** `available`: the program names the queries that there are. */
function failed(said: string, available: unknown, path: string): ControlError {
  if (Array.isArray(available) && available.length > 0)
    return new InvalidRequest(
      'path',
      `There is no query ${JSON.stringify(path)} (${said})`,
      `ask for one of ${wordsOf(available.map(String).join(', '))}`,
      'query_not_found',
    );
  return new ProgramFailed(
    'query_failed',
    '',
    `The query failed: ${said}`,
    'look into the log of its bot, and into the program',
  );
}

function retryAfter(error: Exhausted, headers: Pick<Headers, 'get'>): Exhausted {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  error.retryAfterMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : RETRY_AFTER_MS;
  return error;
}

/** What the query server calls the parts of a question. */
const FIELDS = { bot_id: 'id', query_path: 'path', params: 'params', timeout_sec: 'timeout' };

const fieldOf = (said: string): string =>
  Object.entries(FIELDS).find(([theirs]) => said.includes(theirs))?.[1] ?? '';

const wordsOf = (said: unknown): string =>
  typeof said === 'string' && said !== '' ? said.slice(0, MAX_TEXT) : 'no reason was given';
