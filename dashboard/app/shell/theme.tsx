import { signal } from '@preact/signals';
import { applyTheme, storedTheme, storeTheme, THEMES, type Theme } from './theme-choice.ts';

export const theme = signal<Theme>(storedTheme());

const WORDS: Readonly<Record<Theme, string>> = { system: 'As the system', light: 'Light', dark: 'Dark' };

export function ThemeToggle() {
  const turn = (): void => {
    const next = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? 'system';
    theme.value = next;
    storeTheme(next);
    applyTheme(next);
  };
  return (
    <button type="button" class="quiet" onClick={turn} title={`Colours: ${WORDS[theme.value]}`}>
      <svg viewBox="0 0 16 16" width="15" height="15" aria-hidden="true">
        <circle cx="8" cy="8" r="6" class="line" />
        <path d={theme.value === 'dark' ? 'M8 2a6 6 0 0 0 0 12z' : 'M8 2a6 6 0 0 1 0 12z'} />
        {theme.value === 'system' ? null : <circle cx="8" cy="8" r="1.8" class="line" />}
      </svg>
      <span>{WORDS[theme.value]}</span>
    </button>
  );
}
