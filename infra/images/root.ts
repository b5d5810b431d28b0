import { spawn } from 'node:child_process';
import { chmod, copyFile, cp, lstat, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { lastLines, runCommand } from '../local/command.ts';
import { derOf, hostCertificates, packagedCertificates, withoutKnown } from './certificates.ts';
import { BuildImpossible } from './errors.ts';
import { javaKeystore } from './keystore.ts';

const BUNDLE = 'etc/ssl/certs/ca-certificates.crt';
const HOST_BUNDLE = 'etc/ssl/certs/host.crt';
const LEFT_OUT = ['man', 'info', 'locale', 'lintian', 'bug'].map(
  (folder) => `--exclude=./usr/share/${folder}`,
);

const PASSWD = `root:x:0:0:root:/root:/bin/sh
bot:x:1000:1000:bot:/home/bot:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
`;
const GROUP = `root:x:0:
bot:x:1000:
nogroup:x:65534:
`;
// Without it the C library asks the name server before /etc/hosts.
const NSSWITCH = 'passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n';

/** The root file system of an image while it is made, in a directory of the host. Paths are relative to it. */
export class Root {
  readonly #dir: string;
  #certificates: string[] = [];
  /** Whether the host added certificates of its own. */
  hasHostCertificates = false;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  /** A root with the links of a merged /usr, which packages expect to be there already. */
  static async create(dir: string): Promise<Root> {
    for (const folder of ['bin', 'sbin', 'lib', 'lib64']) {
      await mkdir(join(dir, 'usr', folder), { recursive: true });
      await symlink(`usr/${folder}`, join(dir, folder));
    }
    return new Root(dir);
  }

  async unpack(debs: readonly string[]): Promise<void> {
    // Plain `dpkg-deb -x` would replace the links of the merged /usr by directories.
    const script = `set -e; for deb in "$@"; do dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink ${LEFT_OUT.join(' ')} -C "$ROOT"; done`;
    const { code, output } = await runCommand('bash', ['-o', 'pipefail', '-c', script, 'unpack', ...debs], {
      environment: { ...process.env, ROOT: this.#dir },
      timeoutMs: 300_000,
    });
    if (code !== 0) throw new BuildImpossible(`packages could not be unpacked: ${lastLines(output, 3)}`);
  }

  /** What every image has: users, name lookup, /tmp, shell and tools, certificates. */
  async furnish(): Promise<void> {
    for (const folder of ['etc', 'home/bot', 'root', 'proc', 'sys', 'dev', 'run', 'var/tmp', 'tmp'])
      await mkdir(join(this.#dir, folder), { recursive: true });
    for (const folder of ['tmp', 'var/tmp']) await chmod(join(this.#dir, folder), 0o1777);
    await this.write('etc/passwd', PASSWD);
    await this.write('etc/group', GROUP);
    await this.write('etc/nsswitch.conf', NSSWITCH);
    await this.#linkTools();
    await this.#writeCertificates();
    await this.#dropDocuments();
  }

  async write(path: string, content: string | Buffer): Promise<void> {
    await mkdir(dirname(join(this.#dir, path)), { recursive: true });
    await writeFile(join(this.#dir, path), content);
  }

  /** Replaces what is there. `target` is absolute inside the image, or relative to the link. */
  async link(path: string, target: string): Promise<void> {
    await mkdir(dirname(join(this.#dir, path)), { recursive: true });
    await rm(join(this.#dir, path), { recursive: true, force: true });
    await symlink(target, join(this.#dir, path));
  }

  async addProgram(path: string, from: string): Promise<void> {
    await mkdir(dirname(join(this.#dir, path)), { recursive: true });
    await copyFile(from, join(this.#dir, path));
    await chmod(join(this.#dir, path), 0o755);
  }

  async addFolder(path: string, from: string): Promise<void> {
    await cp(from, join(this.#dir, path), { recursive: true });
  }

  async writeJavaKeystore(path: string): Promise<void> {
    await this.write(path, javaKeystore(this.#certificates.map(derOf)));
  }

  /** The tree as a tar stream, everything owned by root. */
  pack(): Readable {
    const tar = spawn('tar', ['-c', '--numeric-owner', '--owner=0', '--group=0', '-C', this.#dir, '.'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    tar.on('error', (error) => tar.stdout.destroy(error));
    tar.on(
      'exit',
      (code) =>
        void (
          code !== 0 && tar.stdout.destroy(new BuildImpossible(`tar ended with code ${code ?? 'unknown'}`))
        ),
    );
    return tar.stdout;
  }

  /** One program with many names stands in for shell and core tools; real ones from packages go before. */
  async #linkTools(): Promise<void> {
    const { code, output } = await runCommand(join(this.#dir, 'bin/busybox'), ['--list']);
    if (code !== 0) throw new BuildImpossible(`busybox does not run: ${lastLines(output, 1)}`);
    for (const tool of output.split('\n').filter((line) => line !== '')) {
      const taken = await Promise.all(
        ['usr/bin', 'usr/sbin'].map((folder) => exists(join(this.#dir, folder, tool))),
      );
      if (!taken.includes(true)) await this.link(`usr/bin/${tool}`, 'busybox');
    }
  }

  async #writeCertificates(): Promise<void> {
    const packaged = withoutKnown(await packagedCertificates(this.#dir), []);
    const added = withoutKnown(await hostCertificates(process.env), packaged);
    this.#certificates = [...packaged, ...added];
    this.hasHostCertificates = added.length > 0;
    await this.write(BUNDLE, `${this.#certificates.join('\n')}\n`);
    if (added.length > 0) await this.write(HOST_BUNDLE, `${added.join('\n')}\n`);
    // Where OpenSSL looks by itself.
    await this.link('usr/lib/ssl/cert.pem', `/${BUNDLE}`);
    await this.link('usr/lib/ssl/certs', '/etc/ssl/certs');
  }

  /** Licences stay, the rest of the documentation goes. */
  async #dropDocuments(): Promise<void> {
    const docs = join(this.#dir, 'usr/share/doc');
    if (!(await exists(docs))) return;
    for (const name of await readdir(docs)) {
      const folder = join(docs, name);
      if (!(await lstat(folder)).isDirectory()) continue;
      for (const file of await readdir(folder))
        if (file !== 'copyright') await rm(join(folder, file), { recursive: true });
    }
  }

  /** Environment of the image that follows from what was put in. */
  get env(): Record<string, string> {
    const own: Record<string, string> = { SSL_CERT_FILE: `/${BUNDLE}` };
    // Node carries the usual certificates itself, so it is told of the others only.
    if (this.hasHostCertificates) own['NODE_EXTRA_CA_CERTS'] = `/${HOST_BUNDLE}`;
    return own;
  }
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
