import { connect } from '@nats-io/transport-node';

/** Collects what a subscriber gets, as the platform's API does. */
export async function subscriber(url: string, botId: string) {
  const connection = await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
  const chunks: { text: string; atMs: number }[] = [];
  const subscription = connection.subscribe(`the0.bot.logs.${botId}`);
  const reading = (async () => {
    for await (const message of subscription) chunks.push({ text: message.string(), atMs: Date.now() });
  })();
  await connection.flush();
  return {
    chunks,
    text: () => chunks.map(({ text }) => text).join(''),
    lines: () =>
      chunks
        .map(({ text }) => text)
        .join('')
        .split('\n')
        .filter((line) => line !== ''),
    [Symbol.asyncDispose]: async () => {
      await connection.close();
      await reading;
    },
  };
}
