const NOT_ALLOWED = /[^A-Za-z0-9_-]/gu;

/** Where the platform listens for a bot's live output (contract §2.6). */
export function liveSubject(id: string): string {
  const token = id.replace(NOT_ALLOWED, '_');
  return `the0.bot.logs.${token === '' ? 'unknown' : token}`;
}
