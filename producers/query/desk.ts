import type { Settings } from '../../infra/config/settings.ts';
import type { Logger } from '../../infra/logger.ts';
import { messageOf } from '../../infra/message-of.ts';
import type { QueryContainerDocument, QueryRequestDocument } from '../../infra/mongo/collections.ts';
import { pause } from '../../infra/pause.ts';
import { fingerprint } from '../../model/fingerprint.ts';
import {
  noAnswerInWords,
  queryTarget,
  readProgramAnswer,
  type ProgramAnswer,
  type Query,
} from '../../model/queries.ts';
import type { DataQueues } from '../../queues/data-queues.ts';
import type { Admission } from './admission.ts';
import type { DocumentWatch } from './document-watch.ts';
import { QueryFailure } from './failure.ts';
import { GivenUp } from './given-up.ts';
import { judge } from './judge.ts';
import { AnswerTooLarge, ProgramUnreachable, type HttpAnswer, type Programs } from './program.ts';
import type { QueryStores } from './stores.ts';

export type DeskOptions = {
  stores: QueryStores;
  queues: Pick<DataQueues, 'query'>;
  programs: Programs;
  admission: Admission;
  watches: {
    containers: DocumentWatch<QueryContainerDocument>;
    requests: DocumentWatch<QueryRequestDocument>;
  };
  settings: Pick<Settings, 'QUERY_IDLE' | 'QUERY_START' | 'QUERY_ANSWER_MB' | 'QUERIES_PER_BOT'>;
  /** Id of the query server's own container, where it runs in one. */
  ownContainer: string | undefined;
  newId: () => string;
  now: () => number;
  log: Logger;
};

type Asked = { address: string; containerId: string; heard: boolean };
/** A query on its way: `late` aborts at its time limit, `signal` then or when nobody waits any more. */
type Turn = { query: Query; late: AbortSignal; signal: AbortSignal };

const MB = 1024 * 1024;
/** Of containers that were just going; and of those that ended over the question, which may well be its doing. */
const MAX_ASKS = 3;
const MAX_ASKS_BEGUN = 2;
/** While a program starts, it is tried so often; more and more seldom. */
const FIRST_TRY_MS = 5;
const LAST_TRY_MS = 100;
const ASK_AGAIN_MS = 10_000;

/** Answers queries: finds out who answers for a bot, has a container made where there is none, and asks it. */
export class QueryDesk {
  readonly #options: DeskOptions;
  readonly #givenUp: GivenUp;
  /** Questions of the same moment ask for a bot's container once. */
  readonly #wanting = new Map<string, Promise<void>>();

  constructor(options: DeskOptions) {
    this.#options = options;
    const { programs, stores, settings, log } = options;
    this.#givenUp = new GivenUp({
      programs,
      // As many as may be in hand at once may go on behind a container’s back, too.
      most: settings.QUERIES_PER_BOT,
      replace: async (botId, containerId, cause) => {
        await stores.note(botId, containerId, 'broken');
        await this.#enqueue({ botId, cause });
      },
      log,
    });
  }

  /** The data of the answer. Throws `QueryFailure`. `leaving` aborts when nobody waits for it any more. */
  async answer(query: Query, leaving: AbortSignal): Promise<unknown> {
    const late = AbortSignal.timeout(query.timeoutMs);
    const signal = AbortSignal.any([leaving, late]);
    using _place = this.#options.admission.enter(query.botId);
    try {
      return dataOf(await this.#ask({ query, late, signal }));
    } catch (error) {
      if (error instanceof QueryFailure || !signal.aborted) throw error;
      throw tooLate(query, 'the query did not finish', error);
    }
  }

  /** Waits for what still goes on behind the answers. */
  async close(): Promise<void> {
    await this.#givenUp.close();
  }

  async #ask(turn: Turn): Promise<ProgramAnswer> {
    for (let asks = 1; ; asks += 1) {
      const who = await this.#whoAnswers(turn);
      if (who === 'single') return this.#askSingle(turn);
      try {
        return await this.#askProgram(turn, who);
      } catch (error) {
        if (turn.signal.aborted && who.heard)
          this.#givenUp.add(turn.query.botId, who, { isLate: turn.late.aborted });
        if (!(error instanceof ProgramUnreachable)) throw error;
        if (asks === (error.begun ? MAX_ASKS_BEGUN : MAX_ASKS))
          throw new QueryFailure(500, `the query program ended while it was asked: ${error.message}`, {
            cause: error,
          });
        const what = who.heard ? 'broken' : 'silent';
        await this.#options.stores.note(turn.query.botId, who.containerId, what);
      }
    }
  }

  /** Who is to be asked; waits for a processor where somebody has to be made first. Throws `QueryFailure`. */
  async #whoAnswers(turn: Turn): Promise<Asked | 'single'> {
    const { stores, watches, now } = this.#options;
    const { query, signal } = turn;
    const { bot, container } = await stores.read(query.botId);
    if (bot === undefined) throw new QueryFailure(404, `bot not found: ${query.botId}`);
    if (!bot.custom?.config?.entrypoints?.query)
      throw new QueryFailure(404, `bot ${query.botId} has no query entrypoint`);
    const wanted = fingerprint(bot);
    let record = container;
    let since: number | undefined;
    let askedAtMs = 0;
    using followed = watches.containers.follow(query.botId);
    for (;;) {
      const judged = judge(record, { wanted, server: this.#serverFor(record), since, nowMs: now() });
      switch (judged.kind) {
        case 'ask':
          return judged;
        case 'single':
          return 'single';
        case 'failed':
          throw new QueryFailure(judged.problem.status, judged.problem.reason);
        case 'prepare':
          // Asked for anew where it is gone while we waited, and now and then: Redis may have been emptied.
          if (since === undefined || record === undefined || performance.now() - askedAtMs > ASK_AGAIN_MS) {
            since = record === undefined ? 0 : (since ?? record.revision);
            askedAtMs = performance.now();
            await this.#wantOnce(query.botId, record);
          } else await followed.changed(signal);
      }
      if (signal.aborted) throw tooLate(query, 'its query container was not ready', signal.reason);
      record = await stores.container(query.botId);
    }
  }

  /** The engine does not know every container that somebody runs us in: then we reach its containers as its host does. */
  #serverFor(record: QueryContainerDocument | undefined): string | undefined {
    const { ownContainer } = this.#options;
    const stranger = ownContainer !== undefined && record?.strangers?.includes(ownContainer) === true;
    return stranger ? undefined : ownContainer;
  }

  async #wantOnce(botId: string, record: QueryContainerDocument | undefined): Promise<void> {
    const wanting = this.#wanting.get(botId) ?? this.#want(botId, this.#serverFor(record));
    this.#wanting.set(botId, wanting);
    try {
      await wanting;
    } finally {
      this.#wanting.delete(botId);
    }
  }

  async #want(botId: string, server: string | undefined): Promise<void> {
    await this.#options.stores.want(botId, server);
    await this.#enqueue({ botId, cause: 'a query' });
  }

  async #enqueue(job: Parameters<DataQueues['query']>[0]): Promise<void> {
    try {
      await this.#options.queues.query(job);
    } catch (error) {
      throw new QueryFailure(503, `the work queue is away: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Asks a container, and goes on trying while its program starts. */
  async #askProgram(turn: Turn, who: Asked): Promise<ProgramAnswer> {
    const { query, signal } = turn;
    const { settings } = this.#options;
    const inUse = this.#keepInUse(query.botId);
    const deadline = performance.now() + settings.QUERY_START;
    try {
      for (let waitMs = FIRST_TRY_MS; ; waitMs = Math.min(LAST_TRY_MS, waitMs * 1.5)) {
        try {
          return this.#read(await this.#send(query, who, signal));
        } catch (error) {
          if (!(error instanceof ProgramUnreachable) || who.heard) throw error;
          if (performance.now() > deadline || (await this.#isGone(query.botId, who))) throw error;
        }
        await pause(waitMs, signal);
        if (signal.aborted) throw tooLate(query, 'its query program did not listen', signal.reason);
      }
    } finally {
      inUse[Symbol.dispose]();
    }
  }

  /** As soon as somebody is there, that is noted: the processor waits for it. */
  async #send(query: Query, who: Asked, signal: AbortSignal): Promise<HttpAnswer> {
    const { programs, settings, stores } = this.#options;
    let noting: Promise<void> | undefined;
    const onConnected = (): void => {
      if (who.heard) return;
      who.heard = true;
      noting = stores.note(query.botId, who.containerId, 'listening');
      noting.catch(() => undefined);
    };
    try {
      return await programs.ask({
        address: who.address,
        target: queryTarget(query.path, query.params),
        body: JSON.stringify(query.params),
        maxBytes: settings.QUERY_ANSWER_MB * MB,
        signal,
        onConnected,
      });
    } catch (error) {
      if (!(error instanceof AnswerTooLarge)) throw error;
      throw new QueryFailure(
        500,
        `the answer is larger than ${settings.QUERY_ANSWER_MB} MB (QUERY_ANSWER_MB)`,
        { cause: error },
      );
    } finally {
      // Where it cannot be written, the next question notes it.
      await noting?.catch(() => undefined);
    }
  }

  #read(answer: HttpAnswer): ProgramAnswer {
    const read = readProgramAnswer(answer.text);
    if (read === undefined) throw new QueryFailure(500, noAnswerInWords(answer, answer.text));
    return read;
  }

  /** Whether the container that is still starting has been given up meanwhile. */
  async #isGone(botId: string, { containerId }: Asked): Promise<boolean> {
    const record = await this.#options.stores.container(botId);
    return record?.containerId !== containerId;
  }

  /** A container that answers is not idle, however long it takes. */
  #keepInUse(botId: string): Disposable {
    const { stores, settings, log } = this.#options;
    const touch = (): void => {
      stores.touch(botId).catch((error: unknown) => {
        log.debug({ botId, error: messageOf(error) }, 'That a query container is in use could not be noted');
      });
    };
    touch();
    const timer = setInterval(touch, Math.max(250, settings.QUERY_IDLE / 4)).unref();
    return { [Symbol.dispose]: () => clearInterval(timer) };
  }

  /** Runs the bot's query program for this query alone, by a processor. */
  async #askSingle({ query, signal }: Turn): Promise<ProgramAnswer> {
    const { stores, watches, newId, log } = this.#options;
    const { botId, path, params, timeoutMs } = query;
    const id = newId();
    using followed = watches.requests.follow(id);
    using _inUse = this.#keepInUse(botId);
    await stores.request(id, { botId, path, params: JSON.stringify(params), timeoutMs });
    try {
      await this.#enqueue({ botId, cause: 'a query', request: id });
      for (;;) {
        await followed.changed(signal);
        const { answer, problem } = (await stores.answerOf(id)) ?? {};
        if (problem !== undefined) throw new QueryFailure(problem.status, problem.reason);
        if (answer !== undefined) return this.#read({ status: 200, type: 'application/json', text: answer });
        if (signal.aborted) throw tooLate(query, 'the query did not finish', signal.reason);
      }
    } finally {
      await stores.forgetRequest(id).catch((error: unknown) => {
        log.debug({ botId, error: messageOf(error) }, 'A query that is over stays in the database for now');
      });
    }
  }
}

function dataOf(answer: ProgramAnswer): unknown {
  if (answer.status === 'ok') return answer.data;
  throw new QueryFailure(500, answer.error, answer.extra === undefined ? {} : { extra: answer.extra });
}

function tooLate({ timeoutMs }: Query, what: string, cause: unknown): QueryFailure {
  return new QueryFailure(504, `${what} within ${timeoutMs / 1000} seconds`, { cause });
}
