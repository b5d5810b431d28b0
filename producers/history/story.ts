import type { HistoryDocument } from '../../infra/mongo/collections.ts';
import type { SeenChange } from './changes.ts';

/** What is known from elsewhere. `before`: phase or state that was told last, empty: none; `lifter`: who lifted a hold. */
export type Known = { before: string; lifter?: string };

const MAX_TEXT = 1_000;

/** A change as an entry of somebody's story; undefined: nothing happened. Told twice, it is the same entry. */
export function storyOf(change: SeenChange, { before, lifter }: Known): HistoryDocument | undefined {
  const entry = (
    facts: Partial<HistoryDocument> & Pick<HistoryDocument, 'kind' | 'text'>,
  ): HistoryDocument => ({
    _id: change.token,
    at: change.at,
    subject: 'bot',
    id: change.id,
    story: [change.id],
    before: '',
    after: '',
    ...facts,
    text: facts.text.slice(0, MAX_TEXT),
  });
  const { id, operation, fields } = change;
  switch (change.collection) {
    case 'bot_status':
    case 'schedule_status': {
      const subject = change.collection === 'bot_status' ? 'bot' : 'schedule';
      if (operation === 'delete')
        return entry({
          kind: 'removed',
          subject,
          before,
          text: 'It was deleted, and nothing of it is left to run.',
        });
      const after = text(fields['phase']);
      if (after === '' || after === before) return undefined;
      return entry({
        kind: 'phase',
        subject,
        before,
        after,
        text: text(fields['reason']) || `It is ${after}.`,
      });
    }
    case 'runs': {
      const after = text(fields['state']);
      const schedule = id.slice(0, Math.max(0, id.lastIndexOf('@')));
      if (after === '' || after === before) return undefined;
      return entry({
        kind: 'run',
        subject: 'run',
        schedule,
        story: [id, schedule],
        before,
        after,
        text: text(fields['reason']) || `It is ${after}.`,
      });
    }
    case 'holds': {
      const who = operation === 'delete' ? (lifter ?? '') : text(fields['who']);
      const by = who === '' ? '' : ` by ${who}`;
      return operation === 'delete'
        ? entry({
            kind: 'hold',
            subject: '',
            before: 'held',
            text: `Its hold was lifted${by}.`,
            ...(who && { who }),
          })
        : entry({
            kind: 'hold',
            subject: '',
            after: 'held',
            text: `It is held${by}: ${text(fields['why'])}`,
            ...(who && { who }),
          });
    }
    case 'restarts': {
      const who = text(fields['who']);
      return entry({
        kind: 'restart',
        text: `${who} wished that it be restarted, or tried again: ${text(fields['why'])}`,
        ...(who && { who }),
      });
    }
    default:
      return undefined;
  }
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
