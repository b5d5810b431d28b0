import type { JSX } from 'preact';
import type { Glyph, Look } from './words.ts';

/** How something stands, told by its shape as well as by its colour: no two that can be confused share one. */
const SHAPES: Readonly<Record<Glyph, JSX.Element>> = {
  dot: <circle cx="6" cy="6" r="4" />,
  half: (
    <>
      <circle cx="6" cy="6" r="3.6" class="line" />
      <path d="M6 2.4a3.6 3.6 0 0 1 0 7.2z" />
    </>
  ),
  ring: <circle cx="6" cy="6" r="3.4" class="line" />,
  loop: (
    <>
      <path d="M9.3 7.6A3.7 3.7 0 1 1 9.4 4.6" class="line" />
      <path d="M10.9 2.2v3.5H7.4z" />
    </>
  ),
  triangle: <path d="M6 1.2 11.4 10.6H.6z" />,
  square: <rect x="2.4" y="2.4" width="7.2" height="7.2" rx="1" class="line" />,
  pause: (
    <>
      <rect x="2.5" y="2" width="2.6" height="8" rx=".8" />
      <rect x="6.9" y="2" width="2.6" height="8" rx=".8" />
    </>
  ),
  diamond: <path d="M6 .8 11.2 6 6 11.2.8 6z" />,
  check: <path d="m2 6.4 2.7 2.8L10 3.2" class="line thick" />,
  cross: <path d="m2.5 2.5 7 7m0-7-7 7" class="line thick" />,
  dash: <path d="M2.5 6h7" class="line thick" />,
  clock: (
    <>
      <circle cx="6" cy="6" r="4.2" class="line" />
      <path d="M6 3.6V6l1.8 1.2" class="line" />
    </>
  ),
};

export const Mark = ({ look }: { look: Pick<Look, 'tone' | 'glyph'> }) => (
  <svg class={`mark tone-${look.tone}`} viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
    {SHAPES[look.glyph]}
  </svg>
);

/** Mark and word. */
export const Badge = ({ look }: { look: Look }) => (
  <span class={`badge tone-${look.tone}`}>
    <Mark look={look} />
    {look.word}
  </span>
);
