/** Where things are inside a bot's container. The first two are ours; the rest is the contract's §9.3. */
export const PATHS = {
  /** Code volume, read-only, shared by all containers of the same content. */
  code: '/the0/code',
  /** The bot's launch volume: configuration, launcher, result. Only the files are the bot's, not the directory. */
  run: '/the0/run',
  /** tmpfs that looks like the code directory, with room for what the bot writes beside it. */
  work: '/bot',
  state: '/state',
  stateDir: '/state/.the0-state',
  query: '/query',
  logs: '/var/the0/logs',
  var: '/var/the0',
  tmp: '/tmp',
} as const;
