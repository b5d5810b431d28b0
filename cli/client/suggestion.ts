import { nearest } from '../../model/nearest.ts';
import type { Problem } from '../../proto/gen/the0/runtime/v1/common_pb.js';
import type { Api } from './api.ts';

/** A fleet that is larger is searched by parts of the id. */
const SEEN = { size: 1_000 };
const FOUND = { size: 20 };

type Named = { id: string; name: string };

/** A sentence with what was probably meant by an id that there is not; empty where nothing is near. */
export async function suggestion(api: Api, { code, subject }: Problem): Promise<string> {
  if (subject === '') return '';
  switch (code) {
    case 'bot_not_found':
      return (
        meant(subject, await bots(api, subject)) ||
        elsewhere(subject, 'schedule', await schedules(api, subject))
      );
    case 'schedule_not_found':
      return (
        meant(subject, await schedules(api, subject)) || elsewhere(subject, 'bot', await bots(api, subject))
      );
    case 'bot_or_schedule_not_found':
      return meant(subject, (await Promise.all([bots(api, subject), schedules(api, subject)])).flat());
    case 'run_not_found':
      return meant(subject, await runs(api, subject));
    case 'rollout_not_found':
      return meant(subject, (await api.bots.listRollouts({ page: SEEN })).rollouts.map(unnamed));
    case 'queue_not_found':
      return meant(
        subject,
        (await api.queues.listQueues({})).queues.map(({ name }) => ({ id: name, name })),
      );
    default:
      return '';
  }
}

/** By its id, or by the name that people know it by. Pure. */
export function meant(typed: string, known: readonly Named[]): string {
  const named = known.find(({ name }) => name.toLowerCase() === typed.toLowerCase());
  const id =
    named?.id ??
    nearest(
      typed,
      known.map(({ id }) => id),
    );
  return id === undefined || id === typed ? '' : `. Did you mean ${JSON.stringify(id)}?`;
}

const elsewhere = (typed: string, kind: 'bot' | 'schedule', known: readonly Named[]): string =>
  known.some(({ id }) => id === typed)
    ? `. There is a ${kind} of that id: npx the0-runtime ${kind}s show ${typed}`
    : '';

/** Of an id with one mistake, one half is right. */
const halves = (text: string): string[] => {
  const half = Math.ceil(text.length / 2);
  return text.length < 6 ? [text] : [text.slice(0, half), text.slice(half), text];
};

async function bots(api: Api, typed: string): Promise<Named[]> {
  const found = await Promise.all([
    api.bots.listBots({ page: SEEN }),
    ...halves(typed).map((text) => api.bots.listBots({ filter: { text }, page: FOUND })),
  ]);
  return found.flatMap((page) => page.bots.map(({ id, name }) => ({ id, name })));
}

async function schedules(api: Api, typed: string): Promise<Named[]> {
  const found = await Promise.all([
    api.schedules.listSchedules({ page: SEEN }),
    ...halves(typed).map((text) => api.schedules.listSchedules({ filter: { text }, page: FOUND })),
  ]);
  return found.flatMap((page) => page.schedules.map(({ id, name }) => ({ id, name })));
}

/** A run is called after its schedule; which is known, or was mistyped itself. */
async function runs(api: Api, typed: string): Promise<Named[]> {
  const schedule = typed.slice(0, Math.max(0, typed.lastIndexOf('@')));
  const { runs: found } = await api.runs
    .listRuns({ schedule, page: SEEN })
    .catch(() => api.runs.listRuns({ page: SEEN }));
  return found.map(unnamed);
}

const unnamed = ({ id }: { id: string }): Named => ({ id, name: id });
