import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import {
  StreamLogsResponseSchema,
  type GetLogsRequest,
  type LogLineSchema,
  type LogService,
  type StreamLogsRequest,
  type StreamLogsResponse,
} from '../../../proto/gen/the0/runtime/v1/logs_pb.js';
import { readLine } from '../../../model/read-line.ts';
import { InvalidRequest } from '../errors.ts';
import { lastLines, type LogQuery, type ToldLine } from '../logs/page.ts';
import { isDay, isLive, placeText, readPlace } from '../logs/place.ts';
import type { LogRooms } from '../logs/rooms.ts';
import { endOf, type Wish } from '../logs/stored-part.ts';
import type { StoredLog } from '../logs/stored-log.ts';
import { streamLog, type LogAnswer } from '../logs/stream.ts';
import { checkKnown, runSpan, subjectOf, type KnownIds, type LogSubject } from '../logs/subject.ts';
import { dateOf, stamp } from './wire.ts';

export type LogServiceDeps = {
  collections: KnownIds;
  /** What is stored of a bot or schedule. */
  logOf: (id: string) => StoredLog;
  rooms: LogRooms;
};

const USUAL_LINES = 100;

export function logService({ collections, logOf, rooms }: LogServiceDeps): ServiceImpl<typeof LogService> {
  const messages = new WeakMap<LogAnswer, StreamLogsResponse>();
  const open = async (id: string, signal: AbortSignal): Promise<{ subject: LogSubject; log: StoredLog }> => {
    const subject = await subjectOf(collections, id);
    const log = logOf(subject.logId);
    await checkKnown(collections, subject, log, signal);
    return { subject, log };
  };

  return {
    getLogs: async (request, { signal }) => {
      const { subject, log } = await open(request.id, signal);
      const { lines, earlier } = await lastLines(log, queryOf(request, subject), signal);
      return { lines: lines.map(lineMessage), earlier: earlier === undefined ? '' : placeText(earlier) };
    },

    streamLogs: async function* (request, { signal }) {
      const { subject, log } = await open(request.id, signal);
      yield { heartbeat: true };
      const { run } = subject;
      const answers = streamLog(
        {
          rooms,
          log,
          ...(run === undefined ? {} : { overSince: async () => (await runSpan(collections, run.id))?.toMs }),
        },
        {
          ...wishOf(request, subject),
          logId: subject.logId,
          ...(request.after === '' ? {} : { after: request.after }),
          // What is over prints nothing any more.
          storedOnly: request.storedOnly || request.date !== '' || run?.toMs !== undefined,
        },
        signal,
      );
      for await (const answer of answers) {
        const message = messages.get(answer) ?? streamMessage(answer);
        messages.set(answer, message);
        yield message;
      }
    },
  };
}

type Asked = Pick<GetLogsRequest | StreamLogsRequest, 'since' | 'date' | 'lines' | 'filter'>;

/** @throws InvalidRequest for a day that there is not */
function wishOf({ since, date, lines, filter }: Asked, { run }: LogSubject): Wish {
  if (date !== '' && !isDay(date))
    throw new InvalidRequest('date', `There is no day ${JSON.stringify(date)}`, 'give a day as YYYYMMDD');
  const times = [dateOf(since)?.getTime(), run?.sinceMs].filter((ms) => ms !== undefined);
  const { levels = [], text = '' } = filter ?? {};
  const isPart = times.length > 0 || date !== '';
  return {
    lines: lines > 0 ? lines : isPart ? Number.MAX_SAFE_INTEGER : USUAL_LINES,
    ...(date === '' ? {} : { day: date }),
    ...(times.length === 0 ? {} : { sinceMs: Math.max(...times) }),
    ...(run?.toMs === undefined ? {} : { toMs: run.toMs }),
    ...(levels.length === 0 ? {} : { levels: new Set(levels.map((level) => level.toLowerCase())) }),
    ...(text === '' ? {} : { text }),
  };
}

/** @throws InvalidRequest */
function queryOf(request: GetLogsRequest, subject: LogSubject): LogQuery {
  const wish = wishOf(request, subject);
  const before = request.before === '' ? endOf(wish) : readPlace('before', request.before);
  if (isLive(before))
    throw new InvalidRequest(
      'before',
      'It is the position of a line that came live',
      'hand back `earlier` of the answer before',
    );
  return { ...wish, before, lines: request.lines === 0 ? USUAL_LINES : request.lines };
}

const streamMessage = ({ lines = [], note = '', position = '', heartbeat = false }: LogAnswer) =>
  create(StreamLogsResponseSchema, {
    lines: lines.map(lineMessage),
    note,
    position: position === '' ? (lines.at(-1)?.position ?? '') : position,
    heartbeat,
  });

function lineMessage({ text, position }: ToldLine): MessageInitShape<typeof LogLineSchema> {
  const { atMs } = readLine(text);
  return { text, at: stamp(atMs === undefined ? undefined : new Date(atMs)), position };
}
