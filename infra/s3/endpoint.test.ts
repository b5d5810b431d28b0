import { describe, expect, it } from 'vitest';
import { EndpointError, parseEndpoint } from './endpoint.ts';

describe('parseEndpoint', () => {
  it.each([
    ['localhost:9000', false, { host: 'localhost', port: 9000, useSsl: false }],
    ['minio', false, { host: 'minio', useSsl: false }],
    ['s3.example.com', true, { host: 's3.example.com', useSsl: true }],
    ['http://minio:9000', true, { host: 'minio', port: 9000, useSsl: false }],
    ['https://s3.example.com', false, { host: 's3.example.com', useSsl: true }],
    ['https://s3.example.com:443/', false, { host: 's3.example.com', port: 443, useSsl: true }],
    ['http://s3.example.com:80', false, { host: 's3.example.com', port: 80, useSsl: false }],
    ['https://s3.example.com:80', false, { host: 's3.example.com', port: 80, useSsl: true }],
    [' 127.0.0.1:8333 ', false, { host: '127.0.0.1', port: 8333, useSsl: false }],
    ['[::1]:9000', false, { host: '::1', port: 9000, useSsl: false }],
    ['HTTPS://Host', false, { host: 'host', useSsl: true }],
  ])('reads %j with S3_USE_SSL=%s', (text, ssl, expected) => {
    expect(parseEndpoint(text, ssl)).toEqual(expected);
  });

  it.each(['', 'ftp://host', 'http://', 'host:99999', 'http://host/path', 'a b', 'host:port'])(
    'refuses %j and names the setting',
    (text) => {
      expect(() => parseEndpoint(text, false)).toThrow(EndpointError);
      expect(() => parseEndpoint(text, false)).toThrow(/S3_ENDPOINT/);
    },
  );

  it('never repeats a password written into the endpoint', () => {
    expect(() => parseEndpoint('http://user:hunter2@host:9000', false)).toThrow(/S3_SECRET_KEY/);
    expect(() => parseEndpoint('http://user:hunter2@host:9000', false)).not.toThrow(/hunter2/);
  });
});
