const BY_DESIGN =
  'By design, as the wait may grow with the object: logs below 64 KB are there after 3.2 s. A bot that prints evenly waits T²/600 s ' +
  'once its log of the day is T s old, 9 to 12 s at the end of these trials, and 60 s at most; that keeps what is uploaded near three ' +
  'times the log (`log-volume`). With T²/1300, which would be 5 s here, it comes to 3.02 in `model/flush-policy.test.ts`, which ' +
  'allows 3.';
const EACH_SECOND =
  '200 schedules each second also are 200 runs a second, each a container of the fake engine with its record, log and state. With ' +
  'them the one process is busy 94 % of the time (CPU profile), and a tick waits for what is being done. All of the ticks were ' +
  'recorded, each once. With fewer runs (the next figures) they are on time.';

/** Why a figure is not reached, found with a profiler: by the figure's name as the table shows it. Shown only where it fails. */
export const CAUSES: Readonly<Record<string, string>> = {
  'transitions: one process':
    'Both cores are busy, so that only less work helps. On 24 November, at 667 a second, a bot cost 1.5 ms of CPU in our ' +
    'process. Since then a first start also takes a lease on the bot’s state, reads and writes its record, looks for its archive ' +
    'in S3, gives the new volume to the bot’s user (a helper that is made, filled and removed), and its output is followed. With a ' +
    'command of MongoDB for each of these it was 119 a second; they go together for many bots now. Measured with 2,000 bots ' +
    '(/proc): 3.0 ms in our process, 1.5 to 1.8 in mongod (seven writes a bot, most of them acknowledged by the majority), 0.9 in ' +
    'the S3 server and 0.5 in Valkey. Of ours (CPU profile of 3,000 bots, 10 % idle) S3’s client takes 16 % for one signed question ' +
    'a bot, MongoDB’s and BSON 20 %, writes to sockets 13 %, garbage collection 5 %; the rest is spread thin. A real container takes ' +
    '250 ms to start (`starts`), of which all of that is a fortieth.',
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
    'It varies: 48, 51 and 57 KB in three runs of 29 November. Of it 8 KB are heap in use, 30 KB are heap that V8 has kept since the ' +
    'last look (each reads the engine’s list and the documents of all bots anew), and 3 to 4 KB are buffers; the rest is what ' +
    'the allocator keeps. Reading in batches of 500 instead of 5,000 took it from 63 KB.',
  'footprint: processor idle':
    'V8’s young generation, and 55 MB of Node’s own binary that are mapped. It was 139 MB while each command loaded the code of all. ' +
    'With `--max-semi-space-size=8` it is 13 MB less, measured side by side; what that flag costs under load has not been measured, ' +
    'so it is not set.',
  'tracing: traces on, at most 20 a second begun (the default)':
    'Within the noise: three runs each, of which those without traces differ among each other by more than the 0.0003 that are ' +
    'missing, and no more than a sixth of the transitions are traced at all.',
  'tracing: every transition traced':
    'One run each, which differ by 8 %, as two without traces do. A transition has a span a step and engine call; making and ' +
    'sending them is work of the same process, which is busy all of the time (see `transitions`).',
  'metrics: p99':
    'The median is 18 ms, and five of a hundred scrapes meet a look at all 10,000 bots. Found in CPU profiles: measuring them all ' +
    '(0.16 s), rolling up five minutes of that (1.1 s), asking for their saves (0.14 s) and looking at their states (0.1 s) each kept ' +
    'the event loop; cut into slices of 500 they took p99 from 545 to 185 ms. What remains is reading the engine’s list of all ' +
    'containers at once (50 ms of JSON.parse, three times in 30 s) and collecting that garbage (0.1 to 0.2 s together), on two cores ' +
    'that the fake engine and MongoDB share.',
  'metrics: p99 while 100 bots a second are restarted':
    'Both cores are busy with restarts (see `transitions`), of which a scrape gets its share.',
  'logs: print → readable in S3 p99': BY_DESIGN,
  'logs: print → readable in S3 p99 with Docker': BY_DESIGN,
  'lateness: p50, each of them each second': EACH_SECOND,
  'lateness: p99, each of them each second': EACH_SECOND,
  'log-volume: bytes uploaded ÷ log':
    'The rule has no room: S3 appends from 5 MiB on, a line waits 60 s at most, and until then each save writes all there is ' +
    'anew. A bot that logs 100 MB a day comes there in 75.5 minutes; a save a minute alone, with nothing saved sooner, makes ' +
    '2.95 to 3.00 times the log, by how near to 5 MiB the last of them falls, which is the bot’s doing. That a small log is saved ' +
    'within seconds adds 0.02. Less would take a longer wait.',
};
