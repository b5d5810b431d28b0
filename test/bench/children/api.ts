import { startTestApi } from '../../support/api.ts';

/**
 * The control API as a process of its own. Settings come from the environment. Prints
 * `{"ready":PID,"grpc":{"host","port"},"url","token"}` with a viewer's token, and on SIGUSR2 its memory and CPU; ends on SIGTERM.
 */
const environment = Object.fromEntries(
  Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
);
const api = await startTestApi({ environment });
const token = await api.token('viewer');

process.on('SIGUSR2', () => {
  const { rss } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  console.log(JSON.stringify({ rss, cpuMs: (user + system) / 1000 }));
});
process.once('SIGTERM', () => void api.stop().finally(() => process.exit()));
const { grpc, url } = api.server;
console.log(JSON.stringify({ ready: process.pid, grpc, url, token }));
