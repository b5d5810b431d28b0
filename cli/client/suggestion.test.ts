import { expect, it } from 'vitest';
import { meant } from './suggestion.ts';

const known = [
  { id: 'b7k2m9x4q1w8e5r3t6y0u2i4', name: 'Grid of BTC' },
  { id: 'price-alerts', name: 'Price alerts' },
];

it.each([
  ['price-alrets', '. Did you mean "price-alerts"?'],
  // The name that people know it by.
  ['grid of btc', '. Did you mean "b7k2m9x4q1w8e5r3t6y0u2i4"?'],
  ['b7k2m9x4q1w8e5r3t6y0u2j4', '. Did you mean "b7k2m9x4q1w8e5r3t6y0u2i4"?'],
  ['something-else', ''],
  ['price-alerts', ''],
])('%s', (typed, told) => {
  expect(meant(typed, known)).toBe(told);
});
