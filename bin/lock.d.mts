/** A process named for good: ids are used again, start times are not. */
export type ProcessIdentity = { pid: number; started?: string | undefined };
export function withLock<T>(
  path: string,
  work: () => Promise<T> | T,
  options?: { onWait?: (pid: number) => void; timeoutMs?: number },
): Promise<T>;
export function startOf(pid: number): string | undefined;
export function isAlive(identity: ProcessIdentity): boolean;
