import { Code, ConnectError, type ServiceImpl } from '@connectrpc/connect';
import {
  HealthCheckResponse_ServingStatus as Status,
  type Health as HealthService,
} from '../../../proto/gen/grpc/health/v1/health_pb.js';
import { pause } from '../../../infra/pause.ts';

const LOOK_EVERY_MS = 500;

/** The standard health service: of the whole (an empty name), and of each service, which are well together. */
export function healthService(options: {
  isServing: () => boolean;
  services: ReadonlySet<string>;
  lookEveryMs?: number;
}): ServiceImpl<typeof HealthService> {
  const { isServing, services, lookEveryMs = LOOK_EVERY_MS } = options;
  const isKnown = (service: string): boolean => service === '' || services.has(service);
  const present = (): Status => (isServing() ? Status.SERVING : Status.NOT_SERVING);
  return {
    check: ({ service }) => {
      if (isKnown(service)) return { status: present() };
      throw new ConnectError(
        `There is no service ${JSON.stringify(service.slice(0, 200))} here`,
        Code.NotFound,
      );
    },

    watch: async function* ({ service }, { signal }) {
      const look = () => (isKnown(service) ? present() : Status.SERVICE_UNKNOWN);
      let told: Status | undefined;
      while (!signal.aborted) {
        const status = look();
        if (status !== told) yield { status };
        told = status;
        await pause(lookEveryMs, signal);
      }
      signal.throwIfAborted();
    },
  };
}
