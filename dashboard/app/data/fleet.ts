import { signal } from '@preact/signals';
import { BotOrder, type Bot } from '../../../proto/gen/the0/runtime/v1/bots_pb.js';
import { bots } from '../api/clients.ts';
import { problemOf, type Problem } from '../api/problem.ts';
import { rowOf, type BotRow } from './rows.ts';

/**
 * All bots, kept by what the live stream tells. They are read a page at a time: the first is on the screen while the
 * others still come, and no page takes the browser long enough to be felt.
 */
const rows = new Map<string, BotRow>();

/** Counts changes of `rows`, at most one a frame. */
export const fleetVersion = signal(0);

export type FleetLoading = { state: 'loading' | 'ready' | 'failed'; total: number; problem?: Problem };
export const fleetLoading = signal<FleetLoading>({ state: 'loading', total: 0 });

export const fleetRows = (): Iterable<BotRow> => rows.values();
export const fleetSize = (): number => rows.size;

const FIRST_PAGE = 100;
const PAGE = 250;

/** What a first view shows: bots in trouble, or the first by name. Failures show where all are read. */
export async function showFirstBots(): Promise<void> {
  try {
    const { bots: first, total } = await bots.listBots({ brief: true, page: { size: FIRST_PAGE } });
    for (const bot of first) put(bot);
    fleetLoading.value = { state: 'loading', total };
    changed();
  } catch {
    // All are read next, and that tells what is wrong.
  }
}

let loading: AbortController | undefined;

/** Reads all bots anew; what is known stays to be seen until then. */
export async function loadFleet(): Promise<void> {
  loading?.abort();
  loading = new AbortController();
  const { signal } = loading;
  const seen = new Set<string>();
  const begunMs = performance.now();
  changedMeanwhile.clear();
  try {
    let token = '';
    do {
      const page = await bots.listBots(
        {
          order: BotOrder.UNSPECIFIED,
          brief: true,
          page: { size: PAGE, token },
        },
        { signal },
      );
      if (signal.aborted) return;
      for (const bot of page.bots) {
        seen.add(bot.id);
        put(bot);
      }
      token = page.nextToken;
      fleetLoading.value = { state: token === '' ? 'ready' : 'loading', total: page.total };
      changed();
      await breath();
    } while (token !== '' && !signal.aborted);
    for (const id of rows.keys()) if (!seen.has(id) && !changedMeanwhile.has(id)) rows.delete(id);
    changed();
    performance.measure('fleet-loaded', { start: begunMs, end: performance.now() });
  } catch (error) {
    if (signal.aborted) return;
    fleetLoading.value = { state: 'failed', total: rows.size, problem: problemOf(error) };
  }
}

/** Ids that the stream told of while pages were read: a bot that came after its page was read is none that is gone. */
const changedMeanwhile = new Set<string>();

export function putBot(bot: Bot): void {
  changedMeanwhile.add(bot.id);
  put(bot);
  changed();
}

export function removeBot(id: string): void {
  if (rows.delete(id)) changed();
}

/** What was read and what is told cross: the newer stays. */
function put(bot: Bot): void {
  const row = rowOf(bot);
  const known = rows.get(row.id);
  if (known === undefined || known.updatedMs <= row.updatedMs) rows.set(row.id, row);
}

let isTold = false;

function changed(): void {
  if (isTold) return;
  isTold = true;
  // Hidden pages get no frames, and nobody looks at them.
  const soon = document.hidden ? (tell: () => void) => setTimeout(tell, 250) : requestAnimationFrame;
  soon(() => {
    isTold = false;
    fleetVersion.value += 1;
  });
}

/** Lets whatever the person does come first. */
const breath = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
