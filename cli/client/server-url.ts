import { CliError, EXIT } from '../errors.ts';

/** Where a control API is, and how it is spoken to there. */
export type ServerUrl = {
  /** As the person gave it, for messages. */
  given: string;
  /** `http://…` or `https://…`, without a slash at its end. */
  baseUrl: string;
  way: 'http' | 'grpc';
  host: string;
  isSecure: boolean;
};

const GRPC_PORT = '50051';

const WAYS: Readonly<Record<string, { way: 'http' | 'grpc'; isSecure: boolean }>> = {
  'http:': { way: 'http', isSecure: false },
  'https:': { way: 'http', isSecure: true },
  'grpc:': { way: 'grpc', isSecure: false },
  'grpcs:': { way: 'grpc', isSecure: true },
};

/** @throws CliError */
export function readServerUrl(given: string): ServerUrl {
  const url = URL.parse(given);
  const known = url === null ? undefined : WAYS[url.protocol];
  if (url === null || known === undefined || url.hostname === '')
    throw wrong(given, 'expected https://host:8090 or http://…, or for gRPC grpcs://host:50051 or grpc://…');
  // Not quoted: there is a secret in it.
  if (url.username !== '' || url.password !== '')
    throw wrong(
      undefined,
      'it holds a user or a password: leave them out, and give the token by --token-file or THE0_TOKEN',
    );
  if (url.search !== '' || url.hash !== '') throw wrong(given, 'leave out what comes after its path');
  const { way, isSecure } = known;
  const path = url.pathname.replace(/\/+$/, '');
  // Other schemes than those of the web have no port that goes without saying.
  const port = url.port !== '' ? `:${url.port}` : way === 'grpc' ? `:${GRPC_PORT}` : '';
  return {
    given,
    baseUrl: `${isSecure ? 'https' : 'http'}://${url.hostname}${port}${path}`,
    way: url.port === GRPC_PORT ? 'grpc' : way,
    host: url.hostname,
    isSecure,
  };
}

const wrong = (given: string | undefined, problem: string): CliError =>
  new CliError(
    `--server (THE0_SERVER)${given === undefined ? '' : ` ${JSON.stringify(given)}`}: ${problem}`,
    EXIT.usage,
  );
