import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { buffer } from 'node:stream/consumers';
import tar from 'tar-stream';

const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
const digestOf = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** A registry on loopback that holds one image, `NAME:1`, for whoever knows the password. */
export class TinyRegistry {
  readonly username = 'user';
  readonly password = 'sesame-open';
  readonly #name: string;
  readonly #blobs = new Map<string, Buffer>();
  readonly #server: Server;
  #manifest = Buffer.alloc(0);

  constructor(name: string) {
    this.#name = name;
    this.#server = createServer((request, response) => {
      const expected = `Basic ${Buffer.from(`${this.username}:${this.password}`).toString('base64')}`;
      if (request.headers.authorization !== expected)
        return void response
          .writeHead(401, { 'www-authenticate': 'Basic realm="tiny"' })
          .end('{"errors":[{"code":"UNAUTHORIZED"}]}');
      const path = request.url ?? '';
      const reference = path.split('/').at(-1) ?? '';
      const blob = this.#blobs.get(reference);
      if (path === '/v2/') response.end('{}');
      else if (path.includes('/manifests/') && ['1', digestOf(this.#manifest)].includes(reference))
        response
          .writeHead(200, {
            'content-type': MANIFEST,
            'content-length': this.#manifest.length,
            'docker-content-digest': digestOf(this.#manifest),
          })
          .end(this.#manifest);
      else if (path.includes('/blobs/') && blob !== undefined) response.end(blob);
      else
        response.writeHead(404).end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}');
    });
  }

  async listen(): Promise<void> {
    const pack = tar.pack();
    pack.entry({ name: 'hello' }, 'hello\n');
    pack.finalize();
    const layer = await buffer(pack);
    const zipped = gzipSync(layer);
    const config = Buffer.from(
      JSON.stringify({
        architecture: 'amd64',
        os: 'linux',
        config: {},
        rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
      }),
    );
    this.#blobs.set(digestOf(config), config).set(digestOf(zipped), zipped);
    this.#manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MANIFEST,
        config: {
          mediaType: 'application/vnd.docker.container.image.v1+json',
          size: config.length,
          digest: digestOf(config),
        },
        layers: [
          {
            mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
            size: zipped.length,
            digest: digestOf(zipped),
          },
        ],
      }),
    );
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  /** Its host and port, as image references name it. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get reference(): string {
    return `${this.address}/${this.#name}:1`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
