import { expect, it } from 'vitest';
import { readServerUrl } from './server-url.ts';

it.each([
  ['https://trade.example:8090', 'https://trade.example:8090', 'http'],
  ['http://127.0.0.1:8090/', 'http://127.0.0.1:8090', 'http'],
  ['https://example.com/the0/', 'https://example.com/the0', 'http'],
  ['grpc://10.0.0.7:50051', 'http://10.0.0.7:50051', 'grpc'],
  ['grpcs://trade.example', 'https://trade.example:50051', 'grpc'],
  ['grpc://[::1]:6000', 'http://[::1]:6000', 'grpc'],
  // The port of gRPC says what is meant.
  ['https://trade.example:50051', 'https://trade.example:50051', 'grpc'],
])('%s is spoken to', (given, baseUrl, way) => {
  expect(readServerUrl(given)).toMatchObject({ baseUrl, way });
});

it.each(['trade.example:8090', 'ftp://x', '', 'http://', 'https://x/?token=1', '8090'])(
  '%j is refused, with what would be right',
  (given) => {
    expect(() => readServerUrl(given)).toThrow(/--server \(THE0_SERVER\)/);
  },
);

it('a password in it is refused, and not repeated', () => {
  const refused = (): unknown => readServerUrl('https://ann:hunter2@trade.example:8090');
  expect(refused).toThrow(/--token-file/);
  expect(refused).not.toThrow(/hunter2/);
});
