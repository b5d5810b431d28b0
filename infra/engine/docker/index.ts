import type { Logger } from '../../logger.ts';
import { requireInstallation } from '../names.ts';
import type { CallOptions, Engine, EngineCapabilities } from '../port.ts';
import { INTERNAL_POOL } from '../subnets.ts';
import type { InfoAnswer } from './api.ts';
import { archiveCalls } from './archives.ts';
import { auditCalls } from './audit.ts';
import { localFiles, toCapabilities, toIdentity } from './capabilities.ts';
import { DockerClient } from './client.ts';
import { containerCalls } from './containers.ts';
import type { DockerContext } from './context.ts';
import { type EndpointOptions, parseEndpoint } from './endpoint.ts';
import { eventCalls } from './events.ts';
import { plainRefusal } from './failures.ts';
import { imageCalls } from './images.ts';
import { logCalls } from './logs.ts';
import { internalNetworkCalls } from './internal-networks.ts';
import { networkCalls } from './network.ts';
import { createOwnership } from './ownership.ts';
import { usageCalls } from './usage.ts';
import { volumeFileCalls } from './volume-files.ts';
import { volumeCalls } from './volumes.ts';

export type DockerEngineOptions = EndpointOptions & {
  installation: string;
  log: Logger;
  /** Longest wait for an answer. Default 30 s. */
  callTimeoutMs?: number;
  /** The same for what a loaded host does late: create, start, remove, volumes. Default 2 min. */
  slowCallTimeoutMs?: number;
  /** Longest pause within an upload or a pull. Default 2 min. */
  stallTimeoutMs?: number;
  /** A quiet event stream is checked so often. Default 30 s. */
  eventStallCheckMs?: number;
  /** Whether volumes may be read at their mount points, where those are on this host. Default true. */
  localVolumes?: boolean;
  /** Whether what containers use may be read of the kernel's files, where the engine is on this host. Default true. */
  localUsage?: boolean;
  /** IPv4 range that internal networks get their addresses from. Default `INTERNAL_POOL`. */
  internalPool?: string;
};

/** A moved default or a newly registered runtime is noticed after so long. */
const CAPABILITIES_FRESH_MS = 60_000;

/** Opens no connection: a Docker Engine that is away is noticed by the first call. */
export function createDockerEngine(options: DockerEngineOptions): Engine {
  const installation = requireInstallation(options.installation);
  const endpoint = parseEndpoint(options);
  const client = new DockerClient(endpoint, options.callTimeoutMs ?? 30_000);

  async function info(call: CallOptions = {}): Promise<InfoAnswer> {
    try {
      return await client.json<InfoAnswer>({
        method: 'GET',
        path: '/info',
        doing: 'ask for its properties',
        signal: call.signal,
      });
    } catch (error) {
      throw plainRefusal(error);
    }
  }

  let known: { capabilities: EngineCapabilities; untilMs: number } | undefined;
  async function capabilities(call?: CallOptions): Promise<EngineCapabilities> {
    if (known !== undefined && performance.now() < known.untilMs) return known.capabilities;
    const fresh = toCapabilities(await info(call), endpoint.kind === 'socket' ? localFiles : undefined);
    known = { capabilities: fresh, untilMs: performance.now() + CAPABILITIES_FRESH_MS };
    return fresh;
  }

  const context: DockerContext = {
    installation,
    client,
    log: options.log,
    slowCallTimeoutMs: options.slowCallTimeoutMs ?? 120_000,
    stallTimeoutMs: options.stallTimeoutMs ?? 120_000,
    capabilities,
    ...createOwnership(installation, client),
  };
  const containers = containerCalls(context);
  return {
    installation,
    identify: async (call) => toIdentity(await info(call)),
    capabilities,
    ...containers,
    ...eventCalls(context, options.eventStallCheckMs ?? 30_000),
    ...logCalls(context, containers.wait),
    ...usageCalls(context, { local: (options.localUsage ?? true) && endpoint.kind === 'socket' }),
    ...archiveCalls(context, containers.inspect),
    ...imageCalls(context),
    ...volumeCalls(context),
    ...volumeFileCalls(
      context,
      { ...containers, ...logCalls(context, containers.wait) },
      { local: options.localVolumes ?? true },
    ),
    ...networkCalls(context),
    ...auditCalls(context, info),
    ...internalNetworkCalls(context, options.internalPool ?? INTERNAL_POOL),
    [Symbol.asyncDispose]: async () => client[Symbol.dispose](),
  };
}
