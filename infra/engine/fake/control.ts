import { ContainerMissing } from '../errors.ts';
import type { FakeContainer } from './container.ts';
import type { FakeCall, Fault } from './faults.ts';
import type { FakeHost } from './host.ts';
import type { LedgerEntry } from './ledger.ts';

/** What tests do to a fake engine from outside; the same in one process and over a connection. */
export type FakeControl = {
  failNext(fault: Fault): Promise<void>;
  setLatency(call: FakeCall | '*', ms: number): Promise<void>;
  /** True: every call and open stream fails with `EngineUnavailable` until it is set to false. */
  setUnavailable(unavailable: boolean): Promise<void>;
  clearFaults(): Promise<void>;
  /** Ends a running container, as if its program had. By id or name. */
  exit(idOrName: string, exitCode: number): Promise<void>;
  /** Kills it for its memory. */
  oom(idOrName: string): Promise<void>;
  print(idOrName: string, text: string, stream?: 'stdout' | 'stderr'): Promise<void>;
  addImage(reference: string): Promise<string>;
  removeImage(reference: string): Promise<void>;
  addToRegistry(reference: string): Promise<void>;
  /** Everything since `sequence` (default: the beginning). */
  ledger(sequence?: number): Promise<LedgerEntry[]>;
};

export function createControl(host: FakeHost): FakeControl {
  const require = (idOrName: string): FakeContainer => {
    const container = host.find(idOrName);
    if (container === undefined) throw new ContainerMissing(idOrName);
    return container;
  };
  return {
    failNext: async (fault) => host.faults.add(fault),
    setLatency: async (call, ms) => host.faults.setLatency(call, ms),
    setUnavailable: async (unavailable) => host.faults.setUnavailable(unavailable),
    clearFaults: async () => host.faults.clear(),
    exit: async (idOrName, exitCode) => host.end(require(idOrName), exitCode),
    oom: async (idOrName) => host.end(require(idOrName), 137, true),
    print: async (idOrName, text, stream = 'stdout') => require(idOrName).print(stream, text, host.now()),
    addImage: async (reference) => host.addImage(reference),
    removeImage: async (reference) => void host.images.delete(reference),
    addToRegistry: async (reference) => void host.registry.add(reference),
    ledger: async (sequence = 0) => host.ledger.slice(sequence),
  };
}
