import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** The certificates in a PEM text, each in a normal form, so that the same one is found to be the same. */
export function splitPem(text: string): string[] {
  return [...text.matchAll(PEM)].map(([certificate]) => certificate.replaceAll('\r', ''));
}

/** Without what `known` has already; order kept. */
export function withoutKnown(certificates: readonly string[], known: readonly string[]): string[] {
  const seen = new Set(known.map(fingerprint));
  return certificates.filter((certificate) => {
    const print = fingerprint(certificate);
    if (seen.has(print)) return false;
    seen.add(print);
    return true;
  });
}

export const derOf = (certificate: string): Buffer =>
  Buffer.from(certificate.replaceAll(/-----[A-Z ]+-----|\s/g, ''), 'base64');

const fingerprint = (certificate: string): string =>
  createHash('sha256').update(derOf(certificate)).digest('hex');

/**
 * Certificates that this machine's operator added to it: where a proxy signs anew, nothing inside a container could
 * talk HTTPS without them. From the system's folder for local ones, and from the file that Node is told of.
 */
export async function hostCertificates(environment: NodeJS.ProcessEnv): Promise<string[]> {
  const found: string[] = [];
  const folder = '/usr/local/share/ca-certificates';
  if (existsSync(folder))
    for (const entry of (await readdir(folder, { recursive: true })).sort())
      if (entry.endsWith('.crt')) found.push(...splitPem(await readFile(join(folder, entry), 'utf8')));
  const extra = environment['NODE_EXTRA_CA_CERTS'];
  // The system's whole bundle is often named here: what is not in the distribution's own stays after comparison.
  if (extra !== undefined && extra !== '' && existsSync(extra))
    found.push(...splitPem(await readFile(extra, 'utf8')));
  return found;
}

/** Every certificate of the distribution's own package, unpacked under `root`. */
export async function packagedCertificates(root: string): Promise<string[]> {
  const folder = join(root, 'usr/share/ca-certificates/mozilla');
  const files = existsSync(folder)
    ? (await readdir(folder)).filter((file) => file.endsWith('.crt')).sort()
    : [];
  return (await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')))).flatMap(splitPem);
}
