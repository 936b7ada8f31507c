/** The console of a pipeline of its own in a real browser: what its tests begin with. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { launchBrowser, openPage, type WatchedPage } from './browser.ts';
import type { TestTopicOptions } from './kafka.ts';
import { createPipeline, type Pipeline } from './pipeline.ts';
import type { ServiceProcess } from './process.ts';

const SCREENSHOTS = join(import.meta.dirname, '../../dist/console-screenshots');
export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

/** Servers' things, two services and a browser: on a busy machine, more than a hook usually has. */
const START_MS = 300_000;

export interface OpenOptions {
  readonly viewport?: typeof DESKTOP;
  readonly path?: string;
  readonly colorScheme?: 'light' | 'dark';
  /** Of a proxy, or of another replica. */
  readonly port?: number;
}

export interface UsedConsole {
  readonly pipeline: Pipeline;
  readonly api: ServiceProcess;
  readonly indexer: ServiceProcess;
  readonly browser: Browser;
  /** The one opened last. */
  readonly page: Page;
  /** Opens the console in place of what was open, and waits until every change from now on is told. */
  readonly open: (options?: OpenOptions) => Promise<void>;
  readonly taskItem: (text: string) => Locator;
  /** Creates a task by the page's own form. */
  readonly create: (description: string) => Promise<void>;
  readonly screenshot: (name: string, fullPage?: boolean) => Promise<unknown>;
  /** A test that cuts something off provokes the browser's own lines about it. @returns how many there were */
  readonly forgive: (fault: string) => number;
}

/** Starts all of it for a file, and says after each test what went wrong on the page. @param env of the API, once other hooks have run */
export const useConsole = (
  topics: TestTopicOptions = {},
  env: () => Readonly<Record<string, string>> = () => ({}),
): UsedConsole => {
  let started: Pick<UsedConsole, 'pipeline' | 'api' | 'indexer' | 'browser'> | undefined;
  /** Of those that started, when others did not. */
  const closes: (() => Promise<void>)[] = [];
  let watched: WatchedPage | undefined;
  let forgiven: readonly string[] = [];

  const running = () => {
    if (started === undefined) throw new Error('the console of this file has not started');
    return started;
  };
  const watching = () => {
    if (watched === undefined) throw new Error('no console is open');
    return watched;
  };

  beforeAll(async () => {
    mkdirSync(SCREENSHOTS, { recursive: true });
    const pipeline = await createPipeline(topics);
    closes.push(() => pipeline.close());
    const launched = launchBrowser().then((browser) => {
      closes.push(() => browser.close());
      return browser;
    });
    const [api, indexer, browser] = await Promise.all([
      pipeline.startApi({ CONSOLE: 'true', ...env() }),
      pipeline.startIndexer(),
      launched,
    ]);
    started = { pipeline, api, indexer, browser };
  }, START_MS);
  afterAll(async () => {
    for (const close of closes.reverse()) await close();
  });
  afterEach(async () => {
    const faults = watched?.faults.filter((fault) => !forgiven.includes(fault));
    await watched?.close();
    [watched, forgiven] = [undefined, []];
    expect(faults ?? []).toEqual([]);
  });

  return {
    get pipeline() {
      return running().pipeline;
    },
    get api() {
      return running().api;
    },
    get indexer() {
      return running().indexer;
    },
    get browser() {
      return running().browser;
    },
    get page() {
      return watching().page;
    },
    open: async ({ viewport = DESKTOP, path = '/console', colorScheme = 'light', port } = {}) => {
      await watched?.close();
      const { browser, api } = running();
      const permissions = ['clipboard-read', 'clipboard-write'];
      const options = { viewport, colorScheme, permissions, hasTouch: viewport === PHONE };
      watched = await openPage(browser, `http://127.0.0.1:${port ?? api.port}${path}`, options);
      const { page } = watched;
      await page.getByText('Live', { exact: true }).waitFor();
      await page.locator('#tasks-count', { hasText: /newest|found/ }).waitFor();
      await page.locator('html[data-feed="following"]').waitFor();
    },
    taskItem: (text) => watching().page.locator('.task', { hasText: text }),
    create: async (description) => {
      const { page } = watching();
      await page.locator('#create-description').fill(description);
      await page.getByRole('button', { name: 'Create' }).click();
      await page.locator('.task', { hasText: description }).waitFor();
    },
    screenshot: (name, fullPage = false) =>
      watching().page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage }),
    forgive: (fault) => {
      const found = watching().faults.filter((each) => each.includes(fault));
      forgiven = [...forgiven, ...found];
      return found.length;
    },
  };
};

/**
 * What can be pressed and is less than 44 × 44 px, as a finger meets it: a label and a reach beyond its box count, and what
 * something else lies over does not. Behind a dialog nothing can be pressed; a link in running text may be as large as the text.
 */
export const smallTargets = (page: Page): Promise<unknown> =>
  page.evaluate(`(() => {
    const before = [scrollX, scrollY];
    const scope = [...document.querySelectorAll('dialog[open], :popover-open')].at(-1) ?? document;
    const isInText = (element) =>
      element.matches('a') && getComputedStyle(element).display === 'inline' &&
      element.parentElement.textContent.trim() !== element.textContent.trim();
    // A browser rounds to whole pixels: less than half of one at each edge.
    const isMissed = (element) => {
      const target = element.closest('label') ?? element;
      target.scrollIntoView({ block: 'center', behavior: 'instant' });
      const { left, top, width, height } = target.getBoundingClientRect();
      const [x, y] = [left + width / 2, top + height / 2];
      return [[-21, 0], [21, 0], [0, -21], [0, 21]].some(([dx, dy]) => {
        const met = document.elementFromPoint(x + dx, y + dy);
        return met === null || !target.contains(met);
      });
    };
    const small = [...scope.querySelectorAll('button, input, select, textarea, a')]
      .filter((element) => element.checkVisibility({ visibilityProperty: true }) && !isInText(element))
      .filter((element) => !element.matches('.skip:not(:focus)') && isMissed(element))
      .map((element) => {
        const { width, height } = element.getBoundingClientRect();
        return element.outerHTML.slice(0, 80) + ' ' + width + '×' + height;
      });
    scrollTo(...before);
    return small;
  })()`);

/** Words of the page that have too little room, where they may not be cut. */
export const cutWords = (page: Page): Promise<unknown> =>
  page.evaluate(`[...document.querySelectorAll('.node :is(h3, dt, dd, .state), button, .panel-note')]
    .filter((element) => element.checkVisibility() && element.scrollWidth > element.clientWidth + 1)
    .map((element) => element.outerHTML.slice(0, 80))`);
