import { Option, type Command } from 'commander';
import { JOB_STATES, type JobState } from '../../producers/control/jobs/view.ts';
import { allOf } from '../client/pages.ts';
import { withApi } from '../client/with-api.ts';
import { jobsTable, queuesTable } from '../queues/table.ts';
import { jobStates, jobView, queueView } from '../queues/view.ts';
import { changeOf, changing, group, listOf, type ChangeFlags } from './api-command.ts';
import { printJson, wholeNumber } from './flags.ts';
import { IdArgument } from './id-argument.ts';
import { show, watchFlag, type WatchFlags } from './watching.ts';

type JobsFlags = WatchFlags & { state: JobState; limit: number };

const JOB = 'the job’s id';
const SHOWN = 20;
const MOST = 10_000;

export function queuesCommand(program: Command): void {
  const queues = group(program, 'queues', 'the work that waits, goes on and has failed');
  listOf(queues, 'list the queues').addOption(watchFlag()).action(list);
  queues
    .command('jobs')
    .description('the jobs of one queue')
    .addArgument(new IdArgument('<queue>', 'queue'))
    .addOption(new Option('--state <state>', 'which').choices(JOB_STATES).default('failed'))
    .option('--limit <jobs>', 'how many', wholeNumber(1, MOST), SHOWN)
    .addOption(watchFlag())
    .action(jobs);
  changing(queues.command('retry').description('try a failed job again at once'))
    .addArgument(new IdArgument('<queue>', 'queue'))
    .argument('<job>', JOB)
    .action(retry);
  changing(queues.command('remove').description('remove a job that is not at work'))
    .addArgument(new IdArgument('<queue>', 'queue'))
    .argument('<job>', JOB)
    .action(remove);
}

async function list(_flags: WatchFlags, command: Command): Promise<void> {
  await show(
    command.optsWithGlobals<WatchFlags>(),
    async (api) => (await api.queues.listQueues({})).queues.map(queueView),
    queuesTable,
  );
}

async function jobs(queue: string, _flags: JobsFlags, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<JobsFlags>();
  const { state, limit } = flags;
  await show(
    flags,
    async (api) => {
      const found = await allOf(async (page) => {
        const answer = await api.queues.listJobs({ queue, state: jobStates.value(state), page });
        return { items: answer.jobs, nextToken: answer.nextToken };
      }, limit);
      return found.map(jobView);
    },
    (views, look) =>
      views.length === 0 ? `There are no ${state} jobs on ${queue}.` : jobsTable(views, look),
  );
}

async function retry(queue: string, id: string, _flags: ChangeFlags, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<ChangeFlags>();
  const { job } = await withApi(flags, (api) => api.queues.retryJob({ queue, id, change: changeOf(flags) }));
  if (flags.json === true) printJson({ queue, id, job: job === undefined ? null : jobView(job) });
  else console.log(`${id} of ${queue} is tried again`);
}

async function remove(queue: string, id: string, _flags: ChangeFlags, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<ChangeFlags>();
  await withApi(flags, (api) => api.queues.removeJob({ queue, id, change: changeOf(flags) }));
  if (flags.json === true) printJson({ queue, id, removed: true });
  else console.log(`${id} of ${queue} is removed`);
}
