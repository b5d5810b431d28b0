/** Lines of ours among a bot's live output. A bot can print the same: they are for people's eyes, and nothing reads them. */
const mark = (text: string): string => `[the0] ${text}\n`;

const size = (bytes: number, lines: number): string =>
  `${lines} ${lines === 1 ? 'line' : 'lines'} (${bytes} bytes)`;

export const MARKS = {
  mayRepeat: mark(
    'What follows may have been shown already: the process that shows live output has changed.',
  ),
  notConfirmed: mark('What follows may have been shown already: the connection to NATS broke.'),
  clockWentBack: mark('What follows may have been shown already: the clock of the engine was set back.'),
  olderElsewhere: mark('Live output begins here; what came before is in the log of the day.'),
  goneUnread: mark(
    'Here may be a hole: its container ended and was removed while nobody could read it; the log of the day has all.',
  ),
  gap: (bytes: number, lines: number): string =>
    mark(`${size(bytes, lines)} are left out here, while NATS was away; the log of the day has them.`),
  tooFast: (bytes: number, lines: number, kbPerSecond: number): string =>
    mark(
      `${size(bytes, lines)} are left out here: no more than ${kbPerSecond} KB a second are kept of a bot’s output. Let it print less.`,
    ),
};
