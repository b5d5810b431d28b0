import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { messageOf } from '../../../infra/message-of.ts';

export type TlsFiles = { certFile: string; keyFile: string };
export type TlsKeys = { cert: string; key: string };

/** A certificate or key cannot be used; the message names the setting and the file. */
export class TlsUnusable extends Error {
  override readonly name = 'TlsUnusable';
  readonly code = 'tls_unusable';
  readonly retryable = false;
}

/**
 * Reads both and sees whether they belong together, before anything listens.
 * @throws TlsUnusable
 */
export function readTls({ certFile, keyFile }: TlsFiles): TlsKeys {
  const cert = read('CONTROL_TLS_CERT_FILE', certFile);
  const key = read('CONTROL_TLS_KEY_FILE', keyFile);
  try {
    createSecureContext({ cert, key });
    const { validTo } = new X509Certificate(cert);
    if (Date.parse(validTo) < Date.now()) throw new Error(`the certificate ended on ${validTo}`);
  } catch (error) {
    throw new TlsUnusable(
      `CONTROL_TLS_CERT_FILE=${certFile} and CONTROL_TLS_KEY_FILE=${keyFile} cannot be used: ${messageOf(error)}. Give a certificate chain and its key as PEM`,
      { cause: error },
    );
  }
  return { cert, key };
}

function read(setting: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new TlsUnusable(`${setting}=${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
