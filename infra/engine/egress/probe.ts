import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CallOptions, ContainerSpec, Engine } from '../port.ts';

export type ProbeResult =
  | 'reachable'
  | 'unreachable'
  /** `toolless`: the image has nothing to connect with; another one may. */
  | { unknown: string; toolless?: true };

export type ProbeOptions = CallOptions & {
  /** What to connect to; default: where clouds serve a machine's credentials. */
  address?: string;
  port?: number;
  /** Makes the container's name its own; default: a random one. */
  id?: string;
};

const METADATA = { address: '169.254.169.254', port: 80 };
const CONNECT_TIMEOUT_MS = 1_500;
/** Start, connect and end, on a loaded host. */
const PROBE_TIMEOUT_MS = 60_000;

const REACHABLE = 0;
const UNREACHABLE = 3;
const NO_TOOL = 9;

/**
 * Tries a TCP connection from a container like a bot's. `image` is an id of an image with a shell and one of python3,
 * node, bash or nc. The container is removed whatever happens.
 */
export async function probeMetadata(
  engine: Engine,
  image: string,
  options: ProbeOptions = {},
): Promise<ProbeResult> {
  const { address = METADATA.address, port = METADATA.port, id = randomUUID() } = options;
  const timeout = AbortSignal.timeout(PROBE_TIMEOUT_MS);
  const signal = options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]);
  let container: string | undefined;
  try {
    await engine.ensureNetwork({ signal });
    container = await engine.create(probeSpec(engine.installation, id, image, address, port), { signal });
    await engine.start(container, { signal });
    const { exitCode } = await engine.wait(container, { signal });
    if (exitCode === REACHABLE) return 'reachable';
    if (exitCode === UNREACHABLE) return 'unreachable';
    if (exitCode === NO_TOOL)
      return { unknown: 'the probe’s image has neither python3 nor node nor bash nor nc', toolless: true };
    return { unknown: `the probe ended with exit code ${exitCode}` };
  } catch (error) {
    options.signal?.throwIfAborted();
    return { unknown: messageOf(error) };
  } finally {
    if (container !== undefined) await removeProbe(engine, container);
  }
}

async function removeProbe(engine: Engine, container: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await engine.remove(container, { force: true });
    } catch (error) {
      // A probe that stays behind does no harm but is ours to tidy up; its label says what it is.
      if (attempt === 3) throw error;
      await sleep(200 * attempt);
    }
  }
}

function probeSpec(
  installation: string,
  id: string,
  image: string,
  address: string,
  port: number,
): ContainerSpec {
  return {
    name: `${installation}_probe_${id}`,
    kind: 'probe',
    image,
    command: ['sh', '-c', PROBE_SCRIPT, 'probe', address, String(port)],
    workingDir: '/tmp',
    env: {},
    labels: {},
    limits: {
      memoryBytes: 128 * 1024 * 1024,
      cpus: 1,
      cpuShares: 512,
      pids: 64,
      nofile: 1024,
      nproc: 65_536,
      shmBytes: 1024 * 1024,
    },
    volumes: [],
    tmpfs: [{ path: '/tmp', sizeMb: 4, exec: false, mode: 0o1777 }],
    network: 'bots',
  };
}

const PYTHON = `
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), ${CONNECT_TIMEOUT_MS / 1000}).close()
except OSError:
    sys.exit(${UNREACHABLE})
`;
import { messageOf } from '../../message-of.ts';

const NODE = `
const socket = require("net").connect(Number(process.argv[2]), process.argv[1]);
socket.setTimeout(${CONNECT_TIMEOUT_MS}, () => process.exit(${UNREACHABLE}));
socket.on("error", () => process.exit(${UNREACHABLE}));
socket.on("connect", () => process.exit(${REACHABLE}));
`;

// bash connects by itself, where it was built to: only what the system says of the connection counts as an answer.
// nc says nothing certain about a connection without an answer, so it asks what a metadata service does answer.
export const PROBE_SCRIPT = `
if command -v python3 >/dev/null 2>&1; then python3 -c '${PYTHON}' "$1" "$2"; exit $?; fi
if command -v node >/dev/null 2>&1; then node -e '${NODE}' "$1" "$2"; exit $?; fi
if command -v bash >/dev/null 2>&1 && command -v timeout >/dev/null 2>&1; then
  said=$(LC_ALL=C timeout 2 bash -c 'exec 3<>"/dev/tcp/$1/$2"' probe "$1" "$2" 2>&1)
  ended=$?
  test "$ended" = 0 && exit ${REACHABLE}
  case "$ended:$said" in 124:* | *"connect: "*) exit ${UNREACHABLE} ;; esac
fi
if command -v nc >/dev/null 2>&1; then
  answer=$(printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 "$1" "$2" 2>/dev/null) && exit ${REACHABLE}
  test -n "$answer" && exit ${REACHABLE}
  exit ${UNREACHABLE}
fi
exit ${NO_TOOL}
`;
