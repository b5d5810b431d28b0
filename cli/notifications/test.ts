import type { Settings } from '../../infra/config/settings.ts';
import { problemMessage } from '../../model/notifications.ts';
import { post } from '../../producers/notify/post.ts';
import { keysOf, receiversOf } from '../../producers/notify/receiver.ts';
import { productVersion } from '../paths.ts';

export type TestResult = { receiver: string; taken: boolean; problem?: string };

/** Posts a test message to each receiver, past the outbox, and says who took it. */
export async function testReceivers(
  settings: Settings,
  { now, newId }: { now: Date; newId: () => string },
): Promise<TestResult[]> {
  const payload = problemMessage(
    {
      kind: 'test',
      subject: { type: 'installation', id: '' },
      since: now,
      what: 'This is a test: notifications of this installation arrive here',
      why: 'Somebody ran "the0-runtime notifications test".',
      todo: [],
    },
    { episode: newId(), status: 'test' },
    { installation: settings.INSTALLATION, dashboardUrl: settings.DASHBOARD_URL, at: now },
  );
  const message = { messageId: payload.id, body: JSON.stringify(payload) };
  const options = {
    keys: keysOf(settings),
    now,
    userAgent: `the0-runtime/${productVersion()}`,
    signal: new AbortController().signal,
  };
  return await Promise.all(
    receiversOf(settings).map(async (receiver) => {
      const answer = await post(receiver, message, options);
      return answer.taken
        ? { receiver: receiver.name, taken: true }
        : { receiver: receiver.name, taken: false, problem: answer.problem };
    }),
  );
}
