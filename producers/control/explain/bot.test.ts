import { describe, expect, it } from 'vitest';
import { fingerprint } from '../../../model/fingerprint.ts';
import type { BotDocument } from '../../../model/bots.ts';
import type { BotStatus } from '../../../model/status.ts';
import type { JobFact } from '../../../queues/job-facts.ts';
import { explainBot } from './bot.ts';
import type { Facts, QueueFacts, StoreFacts } from './facts.ts';

const NOW = new Date('2026-11-29T12:00:00Z');
const at = (ms: number): Date => new Date(NOW.getTime() + ms);

const BOT: BotDocument = {
  id: 'b1',
  config: { name: 'alerts', apiKey: 'canary-secret' },
  custom: {
    version: '1.2.0',
    filePath: 'owner/alerts/1.2.0',
    config: { runtime: 'python3.11', entrypoints: { bot: 'main.py' } },
  },
};
const status = (over: Partial<BotStatus> = {}): BotStatus => ({
  _id: 'b1',
  phase: 'running',
  reason: 'It runs.',
  since: at(-7_200_000),
  startedAt: at(-7_200_000),
  updatedAt: at(-7_200_000),
  restarts: 0,
  consecutiveFailures: 0,
  containerId: 'c0ffee0123456789',
  image: 'python@sha256:1',
  attemptedFingerprint: fingerprint(BOT),
  attemptedRestarts: 0,
  token: 1,
  ...over,
});
const process = (over: Partial<StoreFacts['processes'][number]> = {}): StoreFacts['processes'][number] => ({
  _id: 'host-1',
  service: 'bot-runner',
  version: '1',
  host: 'h',
  startedAt: at(-1),
  seenAt: at(-1),
  problems: [],
  engine: true,
  leases: ['the0:planner'],
  ...over,
});
const store = (over: Partial<StoreFacts> = {}): StoreFacts => ({
  bot: BOT,
  status: status(),
  order: { _id: 'b1', streamCreatedAt: at(-86_400_000), sequence: 17 },
  poison: [],
  processes: [process()],
  runs: [],
  ...over,
});
const queue = (over: Partial<QueueFacts> = {}): QueueFacts => ({
  jobs: [],
  processors: 2,
  paused: [],
  ...over,
});
const job = (over: Partial<JobFact> = {}): JobFact => ({
  queue: 'start',
  id: '7',
  state: 'delayed',
  cause: 'next attempt after: It crashed',
  attempts: 1,
  addedAt: at(-10_000),
  followed: false,
  ...over,
});
const explained = (
  of: Partial<StoreFacts> = {},
  jobs: QueueFacts | undefined = queue(),
  more: Partial<Facts> = {},
) =>
  explainBot({
    id: 'b1',
    now: NOW,
    installation: 'the0',
    store: store(of),
    queue: jobs,
    unknown: [],
    ...more,
  });
const obstacles = (told: ReturnType<typeof explained>): string[] =>
  told.steps.filter(({ obstacle }) => obstacle === true).map(({ kind }) => kind);

const CRASH = {
  at: at(-6_000),
  exitCode: 3,
  oomKilled: false,
  upSeconds: 2,
  containerId: 'c0ffee0123456789',
  lastOutput: ['Traceback', 'KeyError: symbol'],
  requested: false,
};
const crashed: Partial<BotStatus> = {
  phase: 'backing-off',
  reason: 'It crashed with exit code 3 after 2 s, 4 times in a row; it is started again.',
  nextAttemptAt: at(34_000),
  consecutiveFailures: 4,
  lastExit: CRASH,
};
const without = <K extends keyof BotStatus>(of: BotStatus, ...keys: K[]): BotStatus =>
  Object.fromEntries(Object.entries(of).filter(([key]) => !keys.includes(key as K))) as BotStatus;

describe('why a bot is as it is', () => {
  it('runs, and nothing is to be done', () => {
    const told = explained();
    expect(told).toMatchObject({
      verdict: 'It runs as it should, for 2 h.',
      health: 'well',
      next: '',
      cures: [],
    });
    expect(obstacles(told)).toEqual([]);
    expect(told.steps.map(({ kind }) => kind)).toEqual([
      'event',
      'document',
      'plan',
      'plan',
      'job',
      'job',
      'container',
    ]);
    expect(told.steps[0]?.text).toContain('number 17 of the event stream made at 2026-11-28 12:00:00 UTC');
    expect(told.steps[1]?.text).toBe(
      'Its owner has it enabled: version 1.2.0, python3.11, code at owner/alerts/1.2.0.',
    );
  });

  it('crashes, and when it is tried again, with its last words and what to do', () => {
    const due = at(34_000);
    const told = explained(
      { status: without(status(crashed), 'containerId', 'startedAt') },
      queue({ jobs: [job({ dueAt: due })] }),
    );
    expect(told).toMatchObject({
      verdict:
        'It does not run: It crashed with exit code 3 after 2 s, 4 times in a row; it is started again.',
      health: 'trouble',
      next: 'It is tried again in 34 s.',
      nextAt: due,
    });
    expect(told.cures[0]).toContain('last output');
    expect(obstacles(told)).toEqual(['back-off']);
    expect(told.steps.find(({ kind }) => kind === 'exit')).toMatchObject({
      lines: ['Traceback', 'KeyError: symbol'],
    });
    expect(told.steps.find(({ kind }) => kind === 'job')?.text).toContain('is due in 34 s, taken once');
  });

  it('failed for good: which job, why, and that nothing comes by itself', () => {
    const reason = 'entrypoints.bot="nothing.py": the code archive holds no such file; it holds "main.py"';
    const failed = job({ state: 'failed', failedReason: reason, endedAt: at(-1_000) });
    const told = explained(
      { status: status({ phase: 'failed', permanent: true, reason, failureCode: 'entrypoint_missing' }) },
      queue({ jobs: [failed] }),
    );
    expect(told.verdict).toBe(`It does not run, and is not tried again as it is: ${reason}.`);
    expect(told).toMatchObject({ health: 'trouble', next: '' });
    expect(told.cures).toHaveLength(2);
    expect(told.cures[0]).toContain('entry point');
    expect(obstacles(told)).toContain('job');
  });

  it('failed for good and was repaired since: it is tried at once', () => {
    const told = explained({
      status: status({ phase: 'failed', permanent: true, reason: 'x', attemptedFingerprint: 'of before' }),
    });
    expect(told).toMatchObject({ health: 'trouble', next: 'It is tried at once.' });
    expect(told.steps.find(({ kind }) => kind === 'plan')?.text).toContain(
      'start, since its configuration or code changed',
    );
  });

  it('is held: by whom and why, and that this is wanted', () => {
    const hold = { _id: 'b1', who: 'ann', why: 'incident 7', at: at(-60_000) };
    const told = explained({ hold, status: status({ phase: 'held', reason: 'Held by ann: incident 7' }) });
    expect(told).toMatchObject({
      verdict: 'It does not run, as is wanted: ann (incident 7) holds it.',
      health: 'wanted',
    });
    expect(obstacles(told)).toEqual(['hold']);
    const leaving = explained({ hold });
    expect(leaving.verdict).toContain(
      'is to rest, since ann (incident 7) holds it, and is not settled yet (running',
    );
    expect(leaving.health).toBe('waiting');
  });

  it('is disabled by its owner, which nobody else can undo', () => {
    const bot = { ...BOT, config: { ...BOT.config, enabled: false } };
    const told = explained({ bot, status: status({ phase: 'stopped', reason: 'Its owner disabled it.' }) });
    expect(told).toMatchObject({
      health: 'wanted',
      verdict: 'It does not run, as is wanted: its owner has disabled it.',
    });
    expect(told.cures[0]).toContain('nobody else can');
    expect(obstacles(told)).toEqual(['document']);
  });

  it('is to be restarted, by whose wish', () => {
    const restart = { _id: 'b1', count: 5, who: 'ann', why: 'new image', at: at(-100) };
    const told = explained({ restart });
    expect(told.verdict).toBe(
      'It runs, for 2 h, and is to be restarted: a restart was asked for: ann: new image.',
    );
    expect(told.health).toBe('waiting');
    expect(told.steps.find(({ kind }) => kind === 'restart')?.text).toContain('it has not been tried since');
    expect(explained({ restart, status: status({ attemptedRestarts: 5 }) })).toMatchObject({
      health: 'well',
    });
  });

  it.each([
    ['nobody plans', { processes: [process({ leases: [] })] }, queue(), 'no bot-runner is alive'],
    ['no processor is there', {}, queue({ processors: 0 }), 'no processor takes jobs of start'],
    ['Redis is away', {}, undefined, 'Redis is away'],
    ['its queue is paused', {}, queue({ paused: ['start'] }), 'but the queue start is paused'],
    [
      'the engine is away',
      { processes: [process({ problems: ['engine: connect ENOENT'] })] },
      queue(),
      'the container engine is not to be had (connect ENOENT)',
    ],
  ])('is new and is not started, because %s', (_what, of, jobs, because) => {
    const known: Partial<StoreFacts> = { ...of, status: undefined };
    const told = explainBot({
      id: 'b1',
      now: NOW,
      installation: 'the0',
      store: store(known),
      queue: jobs,
      unknown: [],
    });
    expect(told.verdict).toContain(because);
    expect(told.health).toBe('trouble');
    expect(told.cures.length).toBeGreaterThan(0);
    expect(told.next).toMatch(/once .* is (alive|back|resumed)\.$/);
  });

  it('runs well although nobody is there to plan: what runs goes on', () => {
    const told = explained({ processes: [] }, queue({ processors: 0 }));
    expect(told.health).toBe('well');
    expect(obstacles(told)).toEqual([]);
  });

  it('waits on a queue that is paused, whatever else is wrong: how that ends', () => {
    const told = explained({ status: status(crashed) }, queue({ jobs: [job()], paused: ['start', 'stop'] }));
    expect(told).toMatchObject({
      health: 'trouble',
      next: 'It is tried again in 34 s, once the queue start is resumed.',
    });
    expect(told.cures[0]).toContain('Resume the queue start in Bull Board');
    const steps = told.steps.filter(({ text }) => text.includes('is paused'));
    expect(steps.map(({ text, obstacle }) => [text, obstacle])).toEqual([
      ['The queue start is paused: nobody takes its jobs until it is resumed in Bull Board.', true],
      ['The queue stop is paused: nobody takes its jobs until it is resumed in Bull Board.', false],
    ]);
  });

  it('is not held up by a queue that is paused and that it does not need, nor while it is worked on', () => {
    expect(explained({}, queue({ paused: ['start', 'stop', 'restart'] }))).toMatchObject({
      health: 'well',
      cures: [],
    });
    const active = queue({ jobs: [job({ state: 'active' })], paused: ['start'] });
    expect(explained({ status: undefined }, active)).toMatchObject({ health: 'waiting', cures: [] });
  });

  it('waits on more than one paused queue', () => {
    const jobs = [job({ state: 'waiting' }), job({ queue: 'restart', state: 'waiting' })];
    const told = explained({ status: undefined }, queue({ jobs, paused: ['start', 'restart'] }));
    expect(told.verdict).toBe(
      'It is to run, and nothing has looked at it yet, but the queues start and restart are paused.',
    );
  });

  it('was deleted: when', () => {
    const order = { _id: 'b1', streamCreatedAt: at(-86_400_000), sequence: 18, deletedAt: at(-300_000) };
    const told = explained({ bot: undefined, status: undefined, order });
    expect(told).toMatchObject({
      verdict: 'It was deleted 5 min ago (2026-11-29 11:55:00 UTC), and nothing of it runs.',
      health: 'wanted',
    });
    expect(explained({ bot: undefined, order }).verdict).toContain(
      'what is left of it is being cleared away (running',
    );
  });

  it('never came to be, because its event could not be understood', () => {
    const poison = [
      {
        subject: 'the0.bot.created',
        reason: 'config is missing',
        at: at(-5_000),
        sequence: 3,
        streamCreatedAt: at(-86_400_000),
      },
    ];
    const told = explained({ bot: undefined, status: undefined, order: undefined, poison });
    expect(told).toMatchObject({
      health: 'trouble',
      verdict: 'There is no document of it, and nothing of it runs.',
    });
    expect(
      told.steps
        .filter(({ kind }) => kind === 'event')
        .map(({ text }) => text)
        .join(' '),
    ).toContain('config is missing');
    expect(obstacles(told)).toContain('event');
  });

  it('is at work in the hands of a processor, or of one that died', () => {
    const lock = { token: 9, owner: 'host-1/ab', until: at(3_000) };
    const step = (told: ReturnType<typeof explained>) => told.steps.find(({ kind }) => kind === 'lock')?.text;
    expect(step(explained({ status: status({ phase: 'starting', lock }) }))).toBe(
      'host-1 is at it (token 9).',
    );
    expect(step(explained({ status: status({ lock: { ...lock, until: at(-5_000) } }) }))).toContain(
      'it died, or is cut off',
    );
  });

  it('tells that MongoDB is away, and still the jobs', () => {
    const told = explainBot({
      id: 'b1',
      now: NOW,
      installation: 'the0',
      queue: queue({ jobs: [job()] }),
      unknown: ['MongoDB could not be asked.'],
    });
    expect(told).toMatchObject({ health: 'unknown', unknown: ['MongoDB could not be asked.'] });
    expect(told.steps[0]?.kind).toBe('job');
  });

  it('tells nothing of the configuration, whatever is wrong', () => {
    const all = [explained(), explained({ status: status(crashed) }), explained({ status: undefined })];
    expect(JSON.stringify(all)).not.toContain('canary-secret');
  });
});
