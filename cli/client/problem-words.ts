import type { Problem } from '../../proto/gen/the0/runtime/v1/common_pb.js';

/** What fields of requests are called on the command line. */
const FLAGS: Readonly<Record<string, string>> = {
  'change.reason': '--why',
  'change.idempotencyKey': '--key',
  'cron.text': '--cron',
  'cron.zone': '--zone',
  'filter.phases': '--phase',
  'filter.text': '--text',
  'filter.runtimes': '--runtime',
  'page.size': '--limit',
  atOnce: '--at-once',
  configOverride: '--config',
  count: '--count',
  date: '--date',
  from: '--from',
  lines: '--lines',
  params: '--params',
  request: '--request',
  timeout: '--timeout',
  to: '--to',
};

/** What the API says of a request, in the words of who typed the command. */
export function inFlags(message: string, { field }: Pick<Problem, 'field'>): string {
  let told = message;
  for (const [name, flag] of Object.entries(FLAGS)) {
    // A name of several words is nothing but a field; others are one only where a value follows.
    if (name.includes('.')) told = told.replaceAll(name, flag);
    else told = told.replaceAll(new RegExp(`(?<=^|; )${name}(?==)`, 'g'), flag);
  }
  const flag = FLAGS[field.replace(/\[\d+\]$/, '')];
  return flag === undefined || told.includes(flag) ? told : `${flag}: ${told}`;
}
