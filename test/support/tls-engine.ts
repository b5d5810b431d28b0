import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A container engine behind TLS, as dockerd with `--tlsverify` would listen. */
export type TlsEngine = AsyncDisposable & {
  port: number;
  /** A folder as DOCKER_CERT_PATH wants it: of a client that the engine knows. */
  certificates: string;
  /** The same of a client that another authority vouches for. */
  strangers: string;
};

/** Passes on to the socket what clients with a certificate of our own authority say. */
export async function tlsEngine(dockerHost: string, dir: string): Promise<TlsEngine> {
  const url = new URL(dockerHost);
  const target = url.protocol === 'unix:' ? { path: url.pathname } : { host: url.hostname, port: +url.port };
  const [ours, theirs] = [join(dir, 'ours'), join(dir, 'theirs')];
  for (const folder of [ours, theirs]) {
    await authority(folder);
    await certificate(folder, 'cert', 'clientAuth');
  }
  await certificate(ours, 'server', 'serverAuth');
  const [ca, cert, key] = await Promise.all(
    ['ca.pem', 'server.pem', 'server-key.pem'].map((name) => readFile(join(ours, name))),
  );
  const server = createServer(
    {
      ca: ca,
      cert: cert,
      key: key,
      requestCert: true,
      rejectUnauthorized: true,
    },
    (client) => {
      const engine = connect(target);
      // Either side may break off: the other then sees it too.
      client.on('error', () => engine.destroy()).on('close', () => engine.destroy());
      engine.on('error', () => client.destroy()).on('close', () => client.destroy());
      client.pipe(engine).pipe(client);
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    certificates: ours,
    strangers: theirs,
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function authority(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folder });
  await openssl(
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
    ...['-subj', '/CN=test authority', '-keyout', 'ca-key.pem', '-out', 'ca.pem'],
  );
}

async function certificate(folder: string, name: string, usage: string): Promise<void> {
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folder });
  const key = name === 'cert' ? 'key.pem' : `${name}-key.pem`;
  await openssl(
    ...['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`],
    ...['-keyout', key, '-out', `${name}.csr`],
  );
  await writeFile(join(folder, `${name}.ext`), `subjectAltName=IP:127.0.0.1\nextendedKeyUsage=${usage}\n`);
  await openssl(
    ...['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-CAcreateserial'],
    ...['-days', '2', '-extfile', `${name}.ext`, '-out', `${name}.pem`],
  );
}
