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
};
