import { signal } from '@preact/signals';
import type { Event, StreamEventsResponse } from '../../../proto/gen/the0/runtime/v1/events_pb.js';
import { liveEvents } from '../api/clients.ts';
import { cameBack, connection, polls, waitAway } from '../api/connection.ts';
import { problemOf } from '../api/problem.ts';
import { loadFleet, putBot, removeBot } from './fleet.ts';
import { liveFailure } from './live-failure.ts';

/** The last events of all bots, schedules and runs, newest first; what pages look for to know that theirs changed. */
export const lastEvents = signal<readonly Event[]>([]);
const KEPT = 200;

type Listener = (answer: StreamEventsResponse) => void;
const listeners = new Set<Listener>();

export function onEvent(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The server sends a heartbeat more often than that: without one the connection is dead, whatever the browser thinks. */
const SILENT_MS = 45_000;
/** A page that nobody sees gives its connection up: a browser has six of them for a server, for all its tabs. */
const HIDDEN_MS = 20_000;

const AGAIN_MS = 500;
/** Where there is no stream, all that is seen is read so often. */
const POLL_MS = 10_000;

let position = '';

const begun = Promise.withResolvers<void>();
let hasBegun = false;
/** Resolves once the stream has begun, or there is none: of what is read from then on, no change is missed. */
export const streamBegun: Promise<void> = begun.promise;

/** Follows everything that changes until the session ends. */
export async function followEvents(): Promise<void> {
  let tries = 0;
  let why = '';
  while (connection.peek().state !== 'ended') {
    await untilSeen();
    const stop = new AbortController();
    const unwatch = abortWhenHidden(stop);
    try {
      await followOnce(stop, () => (tries = 0));
      // It ended in order, as it does where the server stops: whoever comes next needs a moment.
      await pause(AGAIN_MS);
    } catch (error) {
      const failure = liveFailure(error);
      if (failure === 'ended') return;
      if (failure === 'streamless') {
        tries = 0;
        await pollOnce();
      } else if (failure === 'lost') {
        // So much happened that the events between are kept no more: all is read again.
        position = '';
        polls.value += 1;
        void loadFleet();
      } else if (!wasHidden(stop)) {
        tries += 1;
        why = problemOf(error).message;
      }
    } finally {
      unwatch();
      stop.abort();
    }
    if (tries > 0) await waitAway(tries, why);
  }
}

/** The API answers, so nothing is away. Whether there is a stream by now is asked again after each round. */
async function pollOnce(): Promise<void> {
  begun.resolve();
  cameBack();
  await pause(POLL_MS);
  await untilSeen();
  polls.value += 1;
  void loadFleet();
}

/** What was read before may have changed with nobody telling of it: it is read once more. */
function beganNow(): void {
  if (hasBegun) return;
  hasBegun = true;
  begun.resolve();
  polls.value += 1;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function followOnce(stop: AbortController, alive: () => void): Promise<void> {
  let silence = setTimeout(() => stop.abort(SILENT), SILENT_MS);
  try {
    const answers = liveEvents.streamEvents({ after: position, withSubject: true }, { signal: stop.signal });
    for await (const answer of answers) {
      clearTimeout(silence);
      silence = setTimeout(() => stop.abort(SILENT), SILENT_MS);
      alive();
      beganNow();
      cameBack();
      if (answer.position !== '') position = answer.position;
      if (!answer.heartbeat) take(answer);
    }
  } finally {
    clearTimeout(silence);
  }
}

const SILENT = 'silent';
const HIDDEN = 'hidden';
const wasHidden = (stop: AbortController): boolean => stop.signal.reason === HIDDEN;

function take(answer: StreamEventsResponse): void {
  const { event, subject } = answer;
  if (subject.case === 'bot') putBot(subject.value);
  if (event !== undefined) {
    if (event.kind === 'removed') removeBot(event.id);
    lastEvents.value = [event, ...lastEvents.peek()].slice(0, KEPT);
  }
  for (const listener of listeners) listener(answer);
}

function abortWhenHidden(stop: AbortController): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = (): void => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(() => stop.abort(HIDDEN), HIDDEN_MS);
  };
  document.addEventListener('visibilitychange', look);
  look();
  return () => {
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', look);
  };
}

function untilSeen(): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const look = (): void => {
      if (document.hidden) return;
      document.removeEventListener('visibilitychange', look);
      resolve();
    };
    document.addEventListener('visibilitychange', look);
  });
}
