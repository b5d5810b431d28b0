import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** Of hundreds of rows, cells and lines that are all alike it looks at some: it takes a while for each. */
const ALIKE = ['tbody tr', '.row', '.log-line', '.bucket', '.cell', '.lines li'].map(
  (each) => `${each}:nth-child(n + 9)`,
);
const RUN = `axe.run({ exclude: ${JSON.stringify(ALIKE)} }, { resultTypes: ["violations"] })`;
type Findings = { violations: { id: string; impact: string; nodes: { html: string }[] }[] };

/** What is serious of what a page does wrong to those who cannot see it, or use no mouse, and whether it is too wide. */
export async function faultsOf(page: Page, name: string): Promise<string[]> {
  // By the protocol, since the page's own policy lets no other script in.
  await page.evaluate(axe);
  const { violations } = await page.evaluate<Findings>(RUN);
  const found = violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) =>
        `${name}: ${id}: ${nodes
          .slice(0, 3)
          .map(({ html }) => html.slice(0, 160))
          .join(' | ')}`,
    );
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  return overflow > 0 ? [...found, `${name} is ${overflow} px too wide`] : found;
}
