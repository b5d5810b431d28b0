import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { changeFor, type ChangeOf } from '../api/change.ts';
import { problemOf, type Problem } from '../api/problem.ts';
import { Trouble } from '../parts/panel.tsx';
import { say } from './toasts.tsx';

/** Something that changes something: the person is told what, asked why, and told what came of it. */
export type Action = {
  title: string;
  explain: ComponentChildren;
  verb: string;
  isDangerous?: boolean;
  /** Says what came of it. */
  run: (change: ChangeOf) => Promise<string>;
};

const asked = signal<{ action: Action; change: ChangeOf } | undefined>(undefined);

export function ask(action: Action): void {
  // One key for all tries of this dialogue: what was done without the answer getting through is not done twice.
  asked.value = { action, change: changeFor('') };
}

const MAX_REASON = 400;

export function ActionDialog() {
  const current = asked.value;
  const box = useRef<HTMLDialogElement>(null);
  const [reason, setReason] = useState('');
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  useEffect(() => {
    if (current === undefined) return;
    setReason('');
    setProblem(undefined);
    box.current?.showModal();
    return () => box.current?.close();
  }, [current]);
  if (current === undefined) return null;
  const { action, change } = current;
  const close = (): void => void (asked.value = undefined);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (isBusy || reason.trim() === '') return;
    setBusy(true);
    try {
      const outcome = await action.run({ ...change, reason: reason.trim() });
      close();
      say(outcome);
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <dialog ref={box} class="dialog" aria-labelledby="dialog-title" onClose={close}>
      <form onSubmit={(event) => void submit(event)}>
        <h2 id="dialog-title">{action.title}</h2>
        <div class="dialog-text">{action.explain}</div>
        <label class="field">
          Reason
          <textarea
            required
            rows={2}
            maxLength={MAX_REASON}
            value={reason}
            autoFocus
            onInput={(event) => setReason(event.currentTarget.value)}
          />
          <small>Kept on record with your name.</small>
        </label>
        {problem === undefined ? null : <Trouble problem={problem} />}
        <div class="dialog-foot">
          <button type="button" class="button" onClick={close}>
            Cancel
          </button>
          <button
            type="submit"
            class={`button primary ${action.isDangerous === true ? 'danger' : ''}`}
            disabled={isBusy || reason.trim() === ''}
          >
            {isBusy ? 'Working …' : action.verb}
          </button>
        </div>
      </form>
    </dialog>
  );
}
