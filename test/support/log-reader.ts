import type { Client } from '@connectrpc/connect';
import type { LogService, StreamLogsResponse } from '../../proto/gen/the0/runtime/v1/logs_pb.js';
import { until } from './poll.ts';

export type LogRequest = Parameters<Client<typeof LogService>['streamLogs']>[0];

/** What a reader has, until he leaves. */
export class LogReader {
  readonly texts: string[] = [];
  readonly notes: string[] = [];
  position = '';
  readonly #leave = new AbortController();
  /** Resolves with what ended it; undefined: it came to its end. */
  readonly done: Promise<unknown>;

  constructor(logs: Client<typeof LogService>, request: LogRequest) {
    this.done = this.#read(logs, request);
  }

  async #read(logs: Client<typeof LogService>, request: LogRequest): Promise<unknown> {
    try {
      for await (const answer of logs.streamLogs(request, { signal: this.#leave.signal })) this.#take(answer);
      return undefined;
    } catch (error) {
      return error;
    }
  }

  #take({ lines, note, position }: StreamLogsResponse): void {
    this.texts.push(...lines.map(({ text }) => said(text)));
    if (note !== '') this.notes.push(note);
    if (position !== '') this.position = position;
  }

  async has(text: string): Promise<void> {
    await until(() => this.texts.includes(text), { what: `line ${text}` });
  }

  async leave(): Promise<void> {
    this.#leave.abort();
    await this.done;
  }
}

/** The message of a line, stored or live. */
export const said = (text: string): string =>
  text.startsWith('{') ? ((JSON.parse(text) as { message?: string }).message ?? text) : text;
