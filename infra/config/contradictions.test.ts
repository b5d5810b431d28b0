import { describe, expect, it } from 'vitest';
import { contradictionsIn } from './contradictions.ts';
import { loadSettings } from './load.ts';
import type { SettingName } from './settings.ts';

const namesIn = (environment: Record<string, string>): (readonly SettingName[])[] =>
  contradictionsIn(loadSettings(environment)).map(({ names }) => names);

describe('settings that contradict each other', () => {
  it('are not among the defaults', () => {
    expect(contradictionsIn(loadSettings({}))).toEqual([]);
  });

  it.each<[Record<string, string>, SettingName[]]>([
    [{ STOP_GRACE: '60s' }, ['STOP_GRACE', 'DRAIN_DEADLINE']],
    [{ STABLE_AFTER: '1m' }, ['BACKOFF_MAX', 'STABLE_AFTER']],
    [{ BOT_TMP_MB: '600' }, ['BOT_TMP_MB', 'BOT_WORKDIR_MB', 'BOT_SHM_MB', 'BOT_MEMORY_LIMIT_MB']],
    [{ BOT_PIDS_LIMIT: '1000', BOT_NPROC_LIMIT: '999' }, ['BOT_NPROC_LIMIT', 'BOT_PIDS_LIMIT']],
    [{ BOT_BLKIO_DEVICE: '/dev/sda' }, ['BOT_BLKIO_DEVICE', 'BOT_BLKIO_READ_MB', 'BOT_BLKIO_WRITE_MB']],
    [{ CODE_MAX_ARCHIVE_MB: '2000' }, ['CODE_MAX_ARCHIVE_MB', 'CODE_MAX_UNPACKED_MB']],
    [{ RUN_TIMEOUT: '200h' }, ['RUN_TIMEOUT', 'RUN_TIMEOUT_CEILING']],
    [{ CHECK_INTERVAL: '30s' }, ['CHECK_INTERVAL', 'MISFIRE_AFTER']],
    [{ MISFIRE_WINDOW: '12s' }, ['MISFIRE_AFTER', 'MISFIRE_WINDOW']],
    [{ LOG_KEEP_DAYS: '1', GC_GRACE: '48h' }, ['LOG_KEEP_DAYS', 'GC_GRACE']],
    [{ LOG_FLUSH_AFTER: '2m' }, ['LOG_FLUSH_AFTER', 'LOG_FLUSH_MAX']],
    [{ STATE_SAVE_INTERVAL: '5s' }, ['STATE_SAVE_INTERVAL', 'STATE_CHECK_INTERVAL']],
    [{ MAX_STATE_SIZE_MB: '5' }, ['MAX_STATE_FILE_SIZE_MB', 'MAX_STATE_SIZE_MB']],
    [{ S3_LOG_BUCKET: 'bot-state' }, ['S3_LOG_BUCKET', 'S3_STATE_BUCKET']],
    [{ QUERIES_AT_ONCE: '4' }, ['QUERIES_PER_BOT', 'QUERIES_AT_ONCE']],
    [{ QUERY_START: '6m' }, ['QUERY_START', 'QUERY_MAX_TIMEOUT']],
    [{ QUERY_MEMORY_LIMIT_MB: '8192' }, ['QUERY_MEMORY_LIMIT_MB', 'BOT_MEMORY_CEILING_MB']],
    [{ EGRESS_FILTER: 'off', EGRESS_ALLOW: '10.0.0.1' }, ['EGRESS_FILTER', 'EGRESS_ALLOW']],
    [{ EGRESS_ALLOW: '0.0.0.0/0' }, ['EGRESS_ALLOW']],
  ])('%o are told, with each name', (environment, names) => {
    expect(namesIn(environment)).toEqual([names]);
  });

  it('are not seen where a limit is just met', () => {
    for (const environment of [
      { STOP_GRACE: '25s' },
      { STABLE_AFTER: '5m' },
      { LOG_KEEP_DAYS: '2', GC_GRACE: '48h' },
      { EGRESS_ALLOW: '169.254.169.253/32,10.0.0.0/8' },
    ])
      expect(namesIn(environment), JSON.stringify(environment)).toEqual([]);
  });

  it('say what happens and what to do, and no secret', () => {
    const found = contradictionsIn(
      loadSettings({
        S3_LOG_BUCKET: 'x',
        S3_STATE_BUCKET: 'x',
        S3_CODE_BUCKET: 'x',
        S3_SECRET_KEY: 'canary-51',
      }),
    );
    expect(found).toHaveLength(1);
    expect(found[0]?.names).toEqual(['S3_CODE_BUCKET', 'S3_LOG_BUCKET', 'S3_STATE_BUCKET']);
    expect(found[0]?.problem).toMatch(/"x"/);
    expect(found[0]?.cure).not.toBe('');
    expect(JSON.stringify(found)).not.toContain('canary-51');
  });
});
