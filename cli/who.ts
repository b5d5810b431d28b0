import { hostname, userInfo } from 'node:os';

/** Who sits at this command line, for what is kept about who asked for something: `ann@desk`. */
export function whoAmI(): string {
  return `${userName()}@${hostname()}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // Containers often run as an uid that no user database knows.
    return `uid ${process.getuid?.() ?? '?'}`;
  }
}
