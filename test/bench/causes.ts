/** Why a figure is not reached, found with a profiler: by the figure's name as the table shows it. Shown only where it fails. */
export const CAUSES: Readonly<Record<string, string>> = {
  'transitions: one process':
    'Both cores are busy, so that only less work helps. A bot costs about 1.5 ms of CPU in our process (of which garbage ' +
    'collection is 16 %, and about 9 % each are the fake engine, BullMQ’s calls, and writing to MongoDB’s socket; the rest ' +
    'is spread thin), 0.9 ms in mongod (an insert, and three majority writes to its status: lock, confirmation before the ' +
    'start, result) and 0.3 ms in Redis: 2.7 ms, of which two cores do 750 a second at best. Grouping the calls of many ' +
    'bots into one command (`infra/mongo/grouped.ts`) raised it from about 120 (on a busy machine) to 700 a second: a call ' +
    'of its own costs 0.2 to 0.3 ms on each side. 2,000 a second would leave 1 ms for everything on both cores. With the ' +
    'engine in a process of its own, which then competes for the same cores, a second processor adds little.',
  'transitions: queue path alone':
    'Redis’ one thread is busy, ours waits half of the time: our own code beside BullMQ (validation, log, outcome) adds ' +
    'nothing that can be measured. What differs is in BullMQ’s scripts: forgetting the oldest of 1,000 completed jobs with ' +
    'each one that completes (12 % of the rate), and deduplication (about as much as the noise). With `removeOnComplete: true` the ratio is ' +
    '0.94 to 0.98, and Bull Board has no completed jobs to show.',
  'schedules: 10000 in the same minute, recorded and queued':
    'The periodic look at all 100,000 schedules (2.4 s, 1.9 s of them CPU, on two cores) falls together with the minute’s ' +
    'beginning. Found by leaving it out: with CHECK_INTERVAL=10m one run took 4.0 s. Looks that take long should keep away ' +
    'from the beginning of a minute, when most crons are due.',
  'footprint: processor ready, first start of an installation':
    'Once in the life of an installation: Node’s compile cache is still empty (the boot script keeps it from then on), so that ' +
    'all sources are compiled, and the database is new, so that its collections and indexes are made.',
  'footprint: RSS a bot watched':
    'Not heap, of which a bot takes 8 KB: since 23 November, when it was 20 KB, a bot-runner also follows the output and the state ' +
    'of every container, and a look at all bots reads them anew. Reading in batches of 500 instead of 5,000 took it from 63 to ' +
    '51 KB. No profile was made of the rest.',
  'footprint: processor idle':
    'A processor has all queues since 23 November, when it was 114 MB: logs, state, queries, runs, sweeps. Loading its modules ' +
    'alone, without compile cache, takes 114 MB of which 26 MB are heap (MongoDB’s client 49 MB above Node’s 41, S3’s 60, ' +
    'BullMQ’s 50, each by itself: much is shared). No profile was made of the rest.',
  'metrics: p99':
    'The median is 14 to 19 ms; the few that take longer come a look at all 10,000 bots apart (30 s here). Why a scrape waits ' +
    'for it by more than its CPU was not found yet.',
  'metrics: p99 while 100 bots a second are restarted':
    'Both cores are busy with restarts (see `transitions`), of which a scrape gets its share.',
  'log-volume: bytes uploaded ÷ log':
    'The rule has no room: S3 appends from 5 MiB on, a line waits 60 s at most, and until then each save writes all there is ' +
    'anew. A bot that logs 100 MB a day comes there in 75.5 minutes; a save a minute alone, with nothing saved sooner, makes ' +
    '2.95 to 3.00 times the log, by how near to 5 MiB the last of them falls, which is the bot’s doing. That a small log is saved ' +
    'within seconds adds 0.02. Less would take a longer wait.',
};
