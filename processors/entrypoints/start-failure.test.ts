import { describe, expect, it } from 'vitest';
import { startFailure } from './start-failure.ts';

describe('startFailure', () => {
  it('gives the words of a launcher’s line', () => {
    const message = 'Failed to start process: EXECUTE_ERROR: there is no file /bot/"odd"';
    expect(startFailure(JSON.stringify({ level: 'error', message }))).toBe(message);
  });

  it.each([
    'EXECUTE_ERROR: there is no file /bot/x',
    '{"level":"error","message":"order refused"}',
    '{"level":"error","message":"Failed to start process: cut in the mid',
  ])('leaves %s alone', (line) => {
    expect(startFailure(line)).toBeUndefined();
  });
});
