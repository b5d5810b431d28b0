import { execFileSync } from 'node:child_process';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { findOnPath } from '../../infra/local/find.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** The system's Chromium; as root on Debian it is installed where it is missing. */
function chromiumPath(): string {
  const found = findOnPath(NAMES, process.env['PATH']);
  if (found !== undefined) return found;
  try {
    execFileSync('apt-get', ['install', '-y', '--no-install-recommends', 'chromium'], { stdio: 'pipe' });
  } catch (error) {
    throw new Error('These tests need a Chromium. Install it as root:  apt-get install -y chromium', {
      cause: error,
    });
  }
  return findOnPath(NAMES, process.env['PATH']) ?? '/usr/bin/chromium';
}

/** A Chromium without a window. Root's has no sandbox of its own. */
export const launchBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: chromiumPath(),
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });

/** A page of a new profile that keeps what went wrong in it: refused by the policy, thrown, or popped up. */
export async function openPage(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; troubles: string[] }> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const troubles: string[] = [];
  page.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) troubles.push(message.text());
  });
  page.on('pageerror', (error) => void troubles.push(String(error)));
  page.on('dialog', (dialog) => {
    troubles.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return { page, troubles };
}
