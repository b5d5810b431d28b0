import { signal } from '@preact/signals';

type Toast = { id: number; text: string };

const toasts = signal<readonly Toast[]>([]);
const SHOWN_MS = 8_000;
let lastId = 0;

/** Says for a moment what came of something. */
export function say(text: string): void {
  const toast = { id: (lastId += 1), text };
  toasts.value = [...toasts.value, toast].slice(-3);
  setTimeout(() => (toasts.value = toasts.value.filter(({ id }) => id !== toast.id)), SHOWN_MS);
}

export const Toasts = () => (
  <div class="toasts" role="status" aria-live="polite">
    {toasts.value.map(({ id, text }) => (
      <p key={id} class="toast">
        {text}
      </p>
    ))}
  </div>
);
