import type { ComponentChildren } from 'preact';
import type { Loaded, Reload } from '../data/use-load.ts';
import type { Problem } from '../api/problem.ts';
import { Marked } from './marked.tsx';

/** A part of a page under a heading. */
export function Section(props: {
  title: string;
  aside?: ComponentChildren;
  class?: string;
  children: ComponentChildren;
}) {
  return (
    <section class={`section ${props.class ?? ''}`}>
      <header class="section-head">
        <h2>{props.title}</h2>
        {props.aside === undefined ? null : <div class="aside">{props.aside}</div>}
      </header>
      {props.children}
    </section>
  );
}

/** What is asked of the API: while it comes, when it is there, when it does not come. */
export function Panel<T>(props: {
  loaded: Loaded<T>;
  reload: Reload;
  /** Lines of the placeholder: about as many as there will be, so that little moves. */
  lines?: number;
  children: (value: T) => ComponentChildren;
}) {
  const { loaded, reload } = props;
  if (loaded.state === 'loading') return <Placeholder lines={props.lines ?? 4} />;
  return (
    <>
      {loaded.state === 'failed' ? <Trouble problem={loaded.problem} retry={reload} /> : null}
      {loaded.value === undefined ? null : props.children(loaded.value)}
    </>
  );
}

const WIDTHS = ['w1', 'w2', 'w3', 'w4', 'w2'];

export const Placeholder = ({ lines }: { lines: number }) => (
  <div class="placeholder" role="status">
    <span class="hidden">Loading …</span>
    {Array.from({ length: lines }, (_, at) => (
      <i key={at} class={WIDTHS[at % WIDTHS.length]} />
    ))}
  </div>
);

export const Trouble = ({ problem, retry }: { problem: Problem; retry?: Reload }) => (
  <div class="trouble-box" role="alert">
    <div>
      <strong>
        <Marked text={problem.message} />
      </strong>
      {problem.cure === '' ? null : (
        <p>
          <Marked text={problem.cure} />
        </p>
      )}
    </div>
    {retry === undefined ? null : (
      <button type="button" class="button small" onClick={retry}>
        Try again
      </button>
    )}
  </div>
);

/** There is nothing, and that is no fault. */
export const Empty = ({ title, children }: { title: string; children?: ComponentChildren }) => (
  <div class="empty">
    <svg viewBox="0 0 40 40" width="34" height="34" aria-hidden="true">
      <ellipse cx="20" cy="20" rx="8.5" ry="11" />
      <path d="M14 27 26 13" />
    </svg>
    <strong>{title}</strong>
    {children === undefined ? null : <p>{children}</p>}
  </div>
);

/** Name and value pairs. */
export const Facts = ({ facts }: { facts: readonly (readonly [string, ComponentChildren])[] }) => (
  <dl class="facts">
    {facts.map(([name, value]) => (
      <div key={name}>
        <dt>{name}</dt>
        <dd>{value}</dd>
      </div>
    ))}
  </dl>
);
