import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Settings } from '../../config/settings.ts';
import { EngineRefused } from '../errors.ts';

const DEFAULT_SOCKET = '/var/run/docker.sock';

export type TlsFiles = { ca: Buffer; cert: Buffer; key: Buffer };

/** Where the engine listens. `label` is how messages name it. */
export type Endpoint =
  | { kind: 'socket'; socketPath: string; label: string }
  | { kind: 'tcp'; host: string; port: number; tls: boolean; files?: TlsFiles; label: string };

export type EndpointOptions = {
  /** As DOCKER_HOST: `unix://PATH`, `tcp://HOST:PORT`, `http(s)://HOST:PORT`; unset: the usual socket. */
  dockerHost?: string;
  /** As DOCKER_CERT_PATH: folder with ca.pem, cert.pem and key.pem; makes a TCP connection TLS. */
  certPath?: string;
  /** As DOCKER_TLS_VERIFY: TLS also without certificates of our own. The engine's is verified in any case. */
  tls?: boolean;
};

/** Where the settings say that the engine listens. */
export const endpointOptions = ({
  DOCKER_HOST: dockerHost,
  DOCKER_CERT_PATH: certPath,
  DOCKER_TLS_VERIFY: tls,
}: Pick<Settings, 'DOCKER_HOST' | 'DOCKER_CERT_PATH' | 'DOCKER_TLS_VERIFY'>): EndpointOptions => ({
  ...(dockerHost === undefined ? {} : { dockerHost }),
  ...(certPath === undefined ? {} : { certPath }),
  tls,
});

/** Throws `EngineRefused` for an address that is not understood. */
export function parseEndpoint(options: EndpointOptions): Endpoint {
  const given = options.dockerHost ?? '';
  if (given === '' || given === 'unix://') return socket(DEFAULT_SOCKET);
  if (given.startsWith('/')) return socket(given);
  if (given.startsWith('unix://')) return socket(given.slice('unix://'.length));
  const address = URL.parse(given.includes('://') ? given : `tcp://${given}`);
  if (address === null || address.hostname === '' || !['tcp:', 'http:', 'https:'].includes(address.protocol))
    throw new EngineRefused(
      `DOCKER_HOST=${given} is not understood: use unix:///path/to/docker.sock, tcp://host:port or https://host:port`,
    );
  const tls =
    address.protocol === 'https:' ||
    options.certPath !== undefined ||
    options.tls === true ||
    address.port === '2376';
  const port = address.port === '' ? (tls ? 2376 : 2375) : Number(address.port);
  return {
    kind: 'tcp',
    host: address.hostname,
    port,
    tls,
    ...(options.certPath === undefined ? {} : { files: readTlsFiles(options.certPath) }),
    label: `${tls ? 'https' : 'tcp'}://${address.hostname}:${port}`,
  };
}

function socket(socketPath: string): Endpoint {
  return { kind: 'socket', socketPath, label: socketPath };
}

function readTlsFiles(folder: string): TlsFiles {
  try {
    const [ca, cert, key] = ['ca.pem', 'cert.pem', 'key.pem'].map((file) => readFileSync(join(folder, file)));
    return { ca: ca as Buffer, cert: cert as Buffer, key: key as Buffer };
  } catch (cause) {
    throw new EngineRefused(
      `DOCKER_CERT_PATH=${folder} must hold readable files ca.pem, cert.pem and key.pem`,
      { cause },
    );
  }
}
