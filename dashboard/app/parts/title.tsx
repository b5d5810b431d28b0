import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';

/** A page's heading, and the name of its tab. */
export function Title(props: {
  /** Where there is more than its text in the heading. */
  children?: ComponentChildren;
  text: string;
  above?: ComponentChildren;
  aside?: ComponentChildren;
}) {
  useEffect(() => {
    document.title = `${props.text} · the0`;
  }, [props.text]);
  return (
    <header class="title">
      <div>
        {props.above === undefined ? null : <p class="above">{props.above}</p>}
        <h1>{props.children ?? props.text}</h1>
      </div>
      {props.aside === undefined ? null : <div class="aside">{props.aside}</div>}
    </header>
  );
}
