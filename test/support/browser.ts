/** A real browser, and pages that report whatever goes wrong in them. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

/** Debian's Chromium, or the one that `CHROMIUM_PATH` names. */
const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';

/** Nothing that looks for the network by itself; each launch has a fresh profile in a temporary folder. */
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export const launchBrowser = async (): Promise<Browser> => {
  if (!existsSync(CHROMIUM)) {
    throw new Error(`There is no ${CHROMIUM}: install Debian's chromium, or let CHROMIUM_PATH name one.`);
  }
  return chromium.launch({ executablePath: CHROMIUM, headless: true, args: ARGS });
};

export interface WatchedPage {
  readonly page: Page;
  /** Errors on the console or nobody caught, violations of the policy, requests to another origin. */
  readonly faults: readonly string[];
  close(): Promise<void>;
}

/** The browser logs every answer of 400 and above; a test that provokes one says so by its own assertions. */
const PROVOKED = /^Failed to load resource: the server responded with a status of (400|404|412|503)/;

/** Opens a page at `url` and waits until it has loaded. */
export const openPage = async (
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> => {
  const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Europe/Berlin', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const faults: string[] = [];
  const { origin } = new URL(url);
  page.on('console', (message) => {
    if (message.type() === 'error' && !PROVOKED.test(message.text())) faults.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) faults.push(`request to ${request.url()}`);
  });
  await page.exposeFunction('reportViolation', (directive: string) => faults.push(`policy: ${directive}`));
  await page.addInitScript(`
    document.addEventListener('securitypolicyviolation', (event) => reportViolation(event.violatedDirective));
    window.layoutShift = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.layoutShift += entry.value;
    }).observe({ type: 'layout-shift', buffered: true });
  `);
  await page.goto(url);
  return { page, faults, close: () => context.close() };
};

/** How much the page moved by itself since it was opened: the sum of its layout shifts. */
export const layoutShiftOf = async (page: Page): Promise<number> => Number(await page.evaluate('window.layoutShift'));

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe-core finds against WCAG 2.2 AA and its own best practices: one line for each violation. */
export const accessibilityFaults = async (page: Page): Promise<readonly string[]> => {
  // Evaluated by the debugger: the page's policy forbids scripts from elsewhere.
  await page.evaluate(axe);
  const faults: unknown =
    await page.evaluate(`axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => id + ' at ' + target.join(' ') + ': ' + failureSummary)))`);
  return Array.isArray(faults) ? faults.map(String) : [`axe-core answered ${String(faults)}`];
};
