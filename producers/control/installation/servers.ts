import { messageOf } from '../../../infra/message-of.ts';

/** One server that the installation stands on, and how it is asked. */
export type ServerProbe = {
  /** `mongodb`, `redis`, `nats`, `s3`. */
  name: string;
  /** Whatever it throws is told as the server's problem: without addresses and users. */
  ask: (signal: AbortSignal) => Promise<{ version?: string; timeMs?: number }>;
};

export type ServerAnswer = {
  name: string;
  reachable: boolean;
  version: string;
  latencyMs?: number;
  /** Its clock less ours. */
  clockSkewMs?: number;
  problem: string;
};

const PATIENCE_MS = 2_000;
const MAX_PROBLEM = 200;

/** Asks all of them at once; never rejects, and takes two seconds at most. */
export const askServers = (probes: readonly ServerProbe[]): Promise<ServerAnswer[]> =>
  Promise.all(probes.map(askServer));

async function askServer({ name, ask }: ServerProbe): Promise<ServerAnswer> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const late = Promise.withResolvers<never>();
  const onLate = (): void => late.reject(new Error(`no answer within ${PATIENCE_MS / 1000} s`));
  signal.addEventListener('abort', onLate, { once: true });
  const [begunMs, wallMs] = [performance.now(), Date.now()];
  try {
    const { version = '', timeMs } = await Promise.race([ask(signal), late.promise]);
    const latencyMs = performance.now() - begunMs;
    return {
      name,
      reachable: true,
      version,
      latencyMs,
      ...(timeMs === undefined ? {} : { clockSkewMs: timeMs - (wallMs + latencyMs / 2) }),
      problem: '',
    };
  } catch (error) {
    return { name, reachable: false, version: '', problem: safe(messageOf(error)) };
  } finally {
    signal.removeEventListener('abort', onLate);
  }
}

/** Viewers read it: neither users nor passwords, whatever a driver says. */
const safe = (text: string): string =>
  text
    .replaceAll(/\/\/[^@/\s]*@/g, '//***@')
    .replaceAll(/\s+/g, ' ')
    .slice(0, MAX_PROBLEM);
