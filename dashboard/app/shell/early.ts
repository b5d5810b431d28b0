import { applyTheme, storedTheme } from './theme-choice.ts';

// Before the first paint: else a page in the chosen theme would flash in the other.
applyTheme(storedTheme());
