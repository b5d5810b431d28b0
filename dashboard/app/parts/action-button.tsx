import { refusedBecause, type SessionRole } from '../api/session.ts';
import { ask, type Action } from '../shell/dialog.tsx';

/** Asks for the reason, and acts. For those who may not it is there, off, and says what it would need. */
export function ActionButton(props: {
  label: string;
  action: () => Action;
  least?: SessionRole;
  /** Why there is nothing to do; undefined: there is. */
  off?: string | undefined;
  tone?: 'danger' | 'primary' | undefined;
}) {
  const why = refusedBecause(props.least ?? 'operator') ?? props.off;
  return (
    <button
      type="button"
      class={`button ${props.tone ?? ''}`}
      // Not `disabled`: a keyboard would never get there, and nobody would read why.
      aria-disabled={why !== undefined}
      title={why}
      onClick={() => {
        if (why === undefined) ask(props.action());
      }}
    >
      {props.label}
      {why === undefined ? null : <span class="hidden">. {why}</span>}
    </button>
  );
}
