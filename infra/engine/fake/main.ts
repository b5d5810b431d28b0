import { serveFakeEngine } from './server.ts';

/**
 * A process that holds a fake engine: `node infra/engine/fake/main.ts [PORT] [IMAGE …]`.
 * Prints `{"url":"fake://…"}` once it listens, and ends on SIGTERM or SIGINT.
 */
const [port = '0', ...images] = process.argv.slice(2);
const server = await serveFakeEngine({ port: Number(port), images });
process.stdout.write(`${JSON.stringify({ url: server.url })}\n`);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void server.close());
