import { MongoClient } from 'mongodb';
import { Redis } from 'ioredis';
import { get } from 'node:http';
import { Code, createClient, type ConnectError, type Transport } from '@connectrpc/connect';
import { create, type DescMethod, type MessageInitShape } from '@bufbuild/protobuf';
import { SETTINGS } from '../../infra/config/settings.ts';
import type { SettingDefinition } from '../../infra/config/define.ts';
import { isChange } from '../../producers/control/api/change-request.ts';
import { methodName } from '../../producers/control/api/method-roles.ts';
import { API_SERVICES } from '../../producers/control/api/services.ts';
import { newCanary } from '../support/canary.ts';

/** Every setting that is a secret: whoever adds one has it looked for here. */
const SECRET_SETTINGS = Object.entries(SETTINGS as Record<string, SettingDefinition>)
  .filter(([, { secret }]) => secret === true)
  .map(([name]) => name);

export const secretSettings = (): Map<string, string> =>
  new Map(SECRET_SETTINGS.map((name) => [name, newCanary(name)]));

/** Every method that only reads. */
const READS: readonly DescMethod[] = API_SERVICES.flatMap((service) => service.methods).filter(
  ({ input }) => !isChange(input),
);

/** Within it a stream has to tell something. */
const STREAM_MS = 4_000;

/**
 * Asks every method that reads, about each of `ids`. Gives all that was answered, refusals among it, and the methods that
 * answered no question.
 */
export async function askEverything(
  transport: Transport,
  ids: readonly string[],
  queues: readonly string[],
): Promise<{ text: string; silent: string[] }> {
  const answers: string[] = [];
  const silent: string[] = [];
  for (const method of READS) {
    const names = new Set(method.input.fields.map(({ localName }) => localName));
    const questions: Record<string, unknown>[] = names.has('queue')
      ? queues.flatMap((queue) => STATES.map((state) => ({ queue, state })))
      : ['id', 'schedule', 'bot'].some((name) => names.has(name))
        ? ids.map((id) => ({ id, schedule: id, bot: id, path: '/status', key: 'a' }))
        : [{}];
    const asked = await Promise.all(questions.map((question) => ask(transport, method, question)));
    answers.push(...asked.map(({ text }) => text));
    if (!asked.some(({ ok }) => ok))
      silent.push(`${methodName(method)}: ${asked[0]?.text.slice(0, 300) ?? ''}`);
  }
  return { text: answers.join('\n'), silent };
}

/** Of `JobState`. */
const STATES = [1, 2, 3, 4, 5, 6];

type AnyClient = Record<string, (request: unknown, options: { timeoutMs: number }) => unknown>;

async function ask(
  transport: Transport,
  method: DescMethod,
  question: Record<string, unknown>,
): Promise<{ ok: boolean; text: string }> {
  const known = new Set(method.input.fields.map(({ localName }) => localName));
  const given = Object.fromEntries(Object.entries(question).filter(([name]) => known.has(name)));
  const oneof = method.input.oneofs.find(({ fields }) => fields.some(({ localName }) => localName in given));
  // Of several ways to say what is meant, the first that a question has.
  const way = oneof?.fields.find(({ localName }) => localName in given)?.localName;
  const asked = way === undefined ? given : { [oneof?.localName ?? '']: { case: way, value: given[way] } };
  const request = create(method.input, asked as MessageInitShape<typeof method.input>);
  const client = createClient(method.parent, transport) as unknown as AnyClient;
  const parts: string[] = [];
  const isStream = method.methodKind === 'server_streaming';
  try {
    const call = client[method.localName]?.(request, { timeoutMs: isStream ? STREAM_MS : 10_000 });
    if (isStream) for await (const part of call as AsyncIterable<unknown>) parts.push(textOf(part));
    else parts.push(textOf(await call));
    return { ok: true, text: parts.join('\n') };
  } catch (error) {
    const { message, metadata } = error as { message: string; metadata?: Headers };
    parts.push(message, textOf(error), textOf([...(metadata ?? [])]));
    // What no build answers tells nothing.
    return {
      ok: (isStream && parts.length > 3) || (error as ConnectError).code === Code.Unimplemented,
      text: parts.join('\n'),
    };
  }
}

const textOf = (value: unknown): string =>
  JSON.stringify(value, (_key, each: unknown) => {
    if (typeof each === 'bigint') return String(each);
    return each instanceof Uint8Array ? Buffer.from(each).toString('base64') : each;
  }) ?? '';

/** All of a database but the named collections, as JSON; of `runs`, all but what a person laid over a configuration. */
export async function databaseText(
  uri: string,
  database: string,
  without: readonly string[],
): Promise<string> {
  const client = await MongoClient.connect(uri);
  try {
    const all = await client.db(database).listCollections().toArray();
    const kept = all.filter(({ name }) => !without.includes(name));
    const texts = await Promise.all(
      kept.map(async ({ name }) => {
        const documents = await client
          .db(database)
          .collection(name)
          .find({}, { projection: { 'request.configOverride': 0 } })
          .toArray();
        return `${name}\n${documents.map(textOf).join('\n')}`;
      }),
    );
    return texts.join('\n');
  } finally {
    await client.close();
  }
}

/** Every key and value of a Redis. */
export async function redisText(url: string): Promise<string> {
  const redis = new Redis(url);
  try {
    const texts: string[] = [];
    for (const key of await redis.keys('*')) {
      const type = await redis.type(key);
      const value =
        type === 'string'
          ? await redis.get(key)
          : type === 'hash'
            ? await redis.hgetall(key)
            : type === 'list'
              ? await redis.lrange(key, 0, -1)
              : type === 'set'
                ? await redis.smembers(key)
                : type === 'zset'
                  ? await redis.zrange(key, 0, -1)
                  : await redis.xrange(key, '-', '+');
      texts.push(`${key} ${textOf(value)}`);
    }
    return texts.join('\n');
  } finally {
    redis.disconnect();
  }
}

/** What the engine tells everybody who may ask it: containers, volumes and networks of the installation. */
export async function engineText(dockerHost: string, installation: string): Promise<string> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`the0.installation=${installation}`] }));
  const containers = JSON.parse(await engineGet(dockerHost, `/containers/json?all=1&filters=${filters}`)) as {
    Id: string;
  }[];
  const details = await Promise.all(
    containers.flatMap(({ Id }) => [
      engineGet(dockerHost, `/containers/${Id}/json`),
      engineGet(dockerHost, `/containers/${Id}/top`),
    ]),
  );
  const rest = [`/volumes?filters=${filters}`, `/networks?filters=${filters}`];
  return [...details, ...(await Promise.all(rest.map((path) => engineGet(dockerHost, path))))].join('\n');
}

function engineGet(dockerHost: string, path: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  get({ socketPath: dockerHost.replace(/^unix:\/\//, ''), path }, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    response.on('end', () => resolve(text));
  }).on('error', reject);
  return promise;
}
