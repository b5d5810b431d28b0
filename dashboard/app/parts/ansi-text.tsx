import { ansiSpans } from './ansi.ts';

export const AnsiText = ({ text }: { text: string }) => (
  <>
    {ansiSpans(text).map(({ text: part, colour, bold }, at) =>
      colour === undefined && bold === undefined ? (
        part
      ) : (
        <span
          key={at}
          class={`${colour === undefined ? '' : `ansi-${colour}`} ${bold === true ? 'ansi-bold' : ''}`}
        >
          {part}
        </span>
      ),
    )}
  </>
);
