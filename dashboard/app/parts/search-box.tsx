/** `/` puts the cursor here, on any page that has one. */
export const SearchBox = (props: {
  label: string;
  value: string;
  placeholder?: string;
  onInput: (text: string) => void;
}) => (
  <label class="search">
    <span class="hidden">{props.label}</span>
    <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
      <circle cx="7" cy="7" r="4.5" />
      <path d="m10.5 10.5 4 4" />
    </svg>
    <input
      type="search"
      data-search
      autoComplete="off"
      spellcheck={false}
      placeholder={props.placeholder ?? props.label}
      value={props.value}
      onInput={(event) => props.onInput(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === 'Escape') {
          props.onInput('');
          event.currentTarget.blur();
        }
      }}
    />
    <kbd aria-hidden="true">/</kbd>
  </label>
);
