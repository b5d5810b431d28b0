import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseUris } from './apt.ts';
import { derOf, splitPem, withoutKnown } from './certificates.ts';
import { errorIn, registryOf, splitReference } from './engine-images.ts';
import { imagesOfSettings } from './ensure.ts';
import { javaKeystore } from './keystore.ts';

describe('the name of an image', () => {
  it.each([
    ['python:3.11-slim', { repository: 'python', tag: '3.11-slim' }, 'docker.io'],
    [
      'mcr.microsoft.com/dotnet/runtime:8.0',
      { repository: 'mcr.microsoft.com/dotnet/runtime', tag: '8.0' },
      'mcr.microsoft.com',
    ],
    ['localhost:5000/bots', { repository: 'localhost:5000/bots', tag: 'latest' }, 'localhost:5000'],
    ['acme/bots', { repository: 'acme/bots', tag: 'latest' }, 'docker.io'],
  ])('%s', (reference, parts, registry) => {
    expect(splitReference(reference)).toEqual(parts);
    expect(registryOf(reference)).toBe(registry);
  });
});

it('finds the images of the settings, each once with its runtimes', () => {
  const images = imagesOfSettings({
    IMAGE_PYTHON: 'registry.test/py:1',
    IMAGE_HASKELL: 'ubuntu:24.04',
    IMAGE_NODE: '',
  });
  expect(images.get('registry.test/py:1')).toEqual(['python3.11']);
  expect(images.get('node:20-slim')).toEqual(['nodejs20']);
  expect(images.get('ubuntu:24.04')).toEqual(['rust-stable', 'gcc13', 'cpp-gcc13', 'ghc96']);
});

it('reads the files of a package and its dependencies from what apt prints', () => {
  const output = `Reading package lists...
'http://deb.test/pool/g/gcc-12-base_12.2.0_amd64.deb' gcc-12-base_12.2.0_amd64.deb 37540 SHA256:ab
'http://deb.test/pool/b/busybox-static_1.35.0-4+b1_amd64.deb' busybox-static_1%3a1.35.0-4+b1_amd64.deb 900000 SHA256:cd
`;
  expect(parseUris(output)).toEqual([
    'gcc-12-base_12.2.0_amd64.deb',
    'busybox-static_1%3a1.35.0-4+b1_amd64.deb',
  ]);
});

describe('what the engine says of a pull', () => {
  it('is trouble even after it answered 200', () => {
    expect(errorIn('{"status":"Pulling"}\r\n{"errorDetail":{},"error":"no such host"}\r\n', 200)).toBe(
      'no such host',
    );
  });
  it('is trouble when it refuses', () => {
    expect(errorIn('{"message":"manifest unknown"}', 404)).toBe('manifest unknown');
    expect(errorIn('', 500)).toBe('the engine answers 500');
  });
  it('is none when it went well', () => {
    expect(errorIn('{"status":"Digest: sha256:1"}\n{"status":"Downloaded"}\n', 200)).toBeUndefined();
  });
});

const pem = (text: string): string =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(text).toString('base64')}\n-----END CERTIFICATE-----`;

describe('certificates', () => {
  it('are split, and those known already are left out whatever their line ends', () => {
    const windows = pem('two').replaceAll('\n', '\r\n');
    expect(splitPem(`# comment\n${pem('one')}\n${windows}\n`)).toEqual([pem('one'), pem('two')]);
    expect(withoutKnown([pem('one'), pem('two'), pem('two')], [pem('one')])).toEqual([pem('two')]);
    expect(derOf(pem('one')).toString()).toBe('one');
  });
});

it('makes a Java keystore with every certificate and the right check sum', () => {
  const store = javaKeystore([Buffer.from('one'), Buffer.from('two')]);
  expect(store.readUInt32BE(0)).toBe(0xfeedfeed);
  expect(store.readUInt32BE(8)).toBe(2);
  expect(store.includes('two')).toBe(true);
  const content = store.subarray(0, -20);
  const password = Buffer.from([...'changeit'].flatMap((letter) => [0, letter.charCodeAt(0)]));
  const digest = createHash('sha1').update(password).update('Mighty Aphrodite').update(content).digest();
  expect(store.subarray(-20)).toEqual(digest);
});
