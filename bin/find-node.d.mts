export function findNode(
  root: string,
  machine?: { version?: string; self?: string; exists?: (path: string) => boolean },
): string;
