export function handOver(command: string, args: readonly string[]): void;
export function inForegroundOfTerminal(): boolean;
