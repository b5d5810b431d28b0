// For `node --import`: in this process `Date` is wrong from the first line on, as SHIFT_DATE says:
// `3600000@0,-3600000@6` is an hour ahead at first, and an hour behind from 6 s on.
import { shiftDate } from './shift-date.ts';

for (const step of (process.env['SHIFT_DATE'] ?? '').split(',')) {
  const [byMs = 0, atS = 0] = step.split('@').map(Number);
  if (atS === 0) shiftDate(byMs);
  else setTimeout(() => shiftDate(byMs), atS * 1_000).unref();
}
