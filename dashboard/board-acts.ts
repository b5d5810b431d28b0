/** What somebody does in Bull Board, as the audit has it. */
export type BoardAct = { what: string; target: string };

/** What an operator may do, by the paths of Bull Board's own API. `what`: of one job, or of all in a state or a queue. */
const ACTS: readonly { path: RegExp; what: string }[] = [
  { path: /^\/api\/queues\/pause$/, what: 'PauseQueues' },
  { path: /^\/api\/queues\/resume$/, what: 'ResumeQueues' },
  { path: /^\/api\/queues\/([^/]+)\/pause$/, what: 'PauseQueue' },
  { path: /^\/api\/queues\/([^/]+)\/resume$/, what: 'ResumeQueue' },
  { path: /^\/api\/queues\/([^/]+)\/promote$/, what: 'PromoteJobs' },
  { path: /^\/api\/queues\/([^/]+)\/empty$/, what: 'RemoveJobs' },
  { path: /^\/api\/queues\/([^/]+)\/retry\/([^/]+)$/, what: 'RetryJobs' },
  { path: /^\/api\/queues\/([^/]+)\/clean\/([^/]+)$/, what: 'RemoveJobs' },
  { path: /^\/api\/queues\/([^/]+)\/([^/]+)\/retry$/, what: 'RetryJob' },
  { path: /^\/api\/queues\/([^/]+)\/([^/]+)\/clean$/, what: 'RemoveJob' },
  { path: /^\/api\/queues\/([^/]+)\/([^/]+)\/promote$/, what: 'PromoteJob' },
];

/**
 * What a request that changes something is about; undefined: nobody may do that here. Jobs are never made or written by hand,
 * since they only say who and why; and an alarm belongs to its schedule, which is paused instead.
 */
export function boardAct(method: string, path: string): BoardAct | undefined {
  if (method !== 'PUT') return undefined;
  for (const { path: pattern, what } of ACTS) {
    const parts = pattern.exec(path)?.slice(1);
    if (parts === undefined) continue;
    const names = parts.map(decoded);
    return names.includes(undefined) ? undefined : { what: `BullBoard/${what}`, target: names.join('/') };
  }
  return undefined;
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
