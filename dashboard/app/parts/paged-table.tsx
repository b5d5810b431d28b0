import type { ComponentChildren } from 'preact';
import type { Pages } from '../data/use-pages.ts';
import { Placeholder, Trouble } from './panel.tsx';

export type Column<T> = {
  label: string;
  class?: string;
  /** Its place in the card of two lines that a row is on a phone. Where no column has one, a card has a line for each. */
  card?: 'name' | 'status' | 'why' | 'when';
  cell: (item: T) => ComponentChildren;
};

/** A list that is read a page at a time, as a table. */
export function PagedTable<T>(props: {
  label: string;
  pages: Pages<T>;
  columns: readonly Column<T>[];
  idOf: (item: T) => string;
  empty: ComponentChildren;
  class?: string;
}) {
  const { pages, columns } = props;
  const { items, state, problem, more, reload } = pages;
  const isShort = columns.some(({ card }) => card !== undefined);
  return (
    <>
      {problem === undefined ? null : <Trouble problem={problem} retry={reload} />}
      {items.length === 0 && state === 'loading' ? <Placeholder lines={10} /> : null}
      {items.length === 0 && state === 'ready' ? props.empty : null}
      {items.length === 0 ? null : (
        <div class={`table-box ${props.class ?? ''}`}>
          <table class={`table ${isShort ? 'short-cards' : 'cards'}`}>
            <caption class="hidden">{props.label}</caption>
            <thead>
              <tr>
                {columns.map(({ label, class: name }) => (
                  <th key={label} scope="col" class={name}>
                    {label}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {items.map((item) => (
                <tr key={props.idOf(item)}>
                  {columns.map(({ label, class: name, card, cell }) => (
                    <td key={label} class={name} data-label={label} data-card={card}>
                      {cell(item)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {more === undefined ? null : (
        <p class="more">
          <button type="button" class="button" onClick={more}>
            Show more
          </button>
        </p>
      )}
    </>
  );
}
