import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { accessibilityFaults, launchBrowser, layoutShiftOf, openPage, type WatchedPage } from '../support/browser.ts';
import { call, createPipeline, createTask, type Pipeline } from '../support/pipeline.ts';
import type { ServiceProcess } from '../support/process.ts';
import { createTcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait.ts';

const SCREENSHOTS = join(import.meta.dirname, '../../dist/console-screenshots');
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

let browser: Browser;
let pipeline: Pipeline;
let api: ServiceProcess;
let watched: WatchedPage;
let page: Page;

beforeAll(async () => {
  mkdirSync(SCREENSHOTS, { recursive: true });
  pipeline = await createPipeline();
  [api, browser] = await Promise.all([
    pipeline.startApi({ CONSOLE: 'true' }),
    launchBrowser(),
    pipeline.startIndexer(),
  ]);
});
afterAll(async () => {
  await browser.close();
  await pipeline.close();
});
afterEach(async () => {
  const { faults } = watched;
  await watched.close();
  expect(faults).toEqual([]);
});

/** Opens the console, and waits until every change from now on is told. */
const open = async (
  viewport: typeof DESKTOP,
  path = '/console',
  colorScheme: 'light' | 'dark' = 'light',
  port = api.port,
) => {
  const url = `http://127.0.0.1:${port}${path}`;
  const permissions = ['clipboard-read', 'clipboard-write'];
  watched = await openPage(browser, url, { viewport, colorScheme, permissions, hasTouch: viewport === PHONE });
  page = watched.page;
  await page.getByText('Live', { exact: true }).waitFor();
  await page.locator('#tasks-count', { hasText: /newest|found/ }).waitFor();
  await page.locator('html[data-feed="following"]').waitFor();
};

const taskItem = (text: string): Locator => page.locator('.task', { hasText: text });
const screenshot = (name: string, fullPage = false) =>
  page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage });
const patch = (id: string, body: object) =>
  call(api, 'PATCH', `/tasks/${id}`, body, { 'content-type': 'application/merge-patch+json' });

describe('what somebody else changes', () => {
  it('is shown in its row, where that is, and nothing else moves', async () => {
    const { id } = await createTask(api, 'Whitewash the wall');
    await createTask(api, 'Prune the pear tree');
    await open(DESKTOP);
    const before = await layoutShiftOf(page);
    await patch(id, { isDone: true });
    await taskItem('Whitewash the wall').getByText('version 2').waitFor();
    expect(await taskItem('Whitewash the wall').getAttribute('data-done')).toBe('true');
    expect(await page.locator('.task').nth(1).getAttribute('data-id')).toBe(id);
    // Its way is followed too, here and in its row.
    await page.locator('.journey[data-state="done"]', { hasText: 'Changed “Whitewash the wall”' }).waitFor();
    await page.locator('.journey', { hasText: 'elsewhere' }).first().waitFor();
    await taskItem('Whitewash the wall')
      .getByText(/searchable after/)
      .waitFor();
    expect((await layoutShiftOf(page)) - before).toBeLessThan(0.001);

    await call(api, 'DELETE', `/tasks/${id}`);
    await taskItem('Whitewash the wall').getByText('somebody has deleted it').waitFor();
    expect(await taskItem('Whitewash the wall').getByRole('button').count()).toBe(0);
    await page.locator('.journey[data-state="done"]', { hasText: 'Deleted “Whitewash the wall”' }).waitFor();
  });

  it('is counted when it is new, and shown when the person asks', async () => {
    await open(DESKTOP);
    const button = page.locator('#news');
    expect(await button.isVisible()).toBe(false);
    const shown = await page.locator('.task').allInnerTexts();
    for (const name of ['Chop the wood', 'Stack the wood']) await createTask(api, name);
    await button.getByText('2 new: show').waitFor();
    expect(await page.locator('.task').count()).toBe(shown.length);
    // One that is made here is no news.
    await page.locator('#create-description').fill('Burn the wood');
    await page.keyboard.press('Enter');
    await taskItem('Burn the wood').waitFor();
    await page.locator('.journey[data-state="done"]', { hasText: 'Created “Burn the wood”' }).waitFor();
    expect(await button.innerText()).toBe('2 new: show');
    await button.click();
    await taskItem('Stack the wood').waitFor();
    await waitFor('no news', async () => !(await button.isVisible()));
    expect(await taskItem('Burn the wood').count()).toBe(1);
  });

  it('does not take from a person what they type, and is shown once they have closed the editor', async () => {
    const { id } = await createTask(api, 'Beat the carpet');
    await open(DESKTOP);
    await page.getByRole('button', { name: 'Edit: Beat the carpet' }).click();
    const dialog = page.getByRole('dialog', { name: 'Edit task' });
    await dialog.getByLabel('Description').fill('Beat the red carpet');
    await patch(id, { description: 'Beat the blue carpet' });
    await page.locator('.journey', { hasText: 'Beat the' }).first().waitFor();
    await page.locator('.journey[data-state="done"]', { hasText: 'Changed “Beat the carpet”' }).waitFor();
    expect(await dialog.getByLabel('Description').inputValue()).toBe('Beat the red carpet');
    expect(await taskItem('Beat the carpet').count()).toBe(1);
    await page.keyboard.press('Escape');
    await taskItem('Beat the blue carpet').getByText('version 2').waitFor();
  });

  it('is made up for after the connection was cut', async () => {
    const [{ id }, gone] = [await createTask(api, 'Grease the axle'), await createTask(api, 'Oil the axle')];
    const proxy = await createTcpProxy(api.port);
    await open(DESKTOP, '/console', 'light', proxy.port);
    proxy.cut();
    await page.getByText('Reconnecting', { exact: true }).waitFor();
    await patch(id, { isDone: true });
    await call(api, 'DELETE', `/tasks/${gone.id}`);
    await createTask(api, 'Change the wheel');
    proxy.restore();
    await taskItem('Grease the axle').getByText('version 2').waitFor();
    await taskItem('Oil the axle').getByText('somebody has deleted it').waitFor();
    await page.locator('#news', { hasText: '1 new: show' }).waitFor();
    await proxy.close();
    // The browser's own lines about what was cut.
    watched = { ...watched, faults: watched.faults.filter((fault) => !fault.includes('net::ERR_')) };
  });

  it('is summed up when it is much, and the list can be read again', async () => {
    await open(DESKTOP);
    const operations = Array.from({ length: 400 }, (_, i) => ({ op: 'create', task: { description: `Sow bed ${i}` } }));
    expect((await call(api, 'POST', '/tasks/batch', { operations })).status).toBe(200);
    await page.locator('#news', { hasText: /^\d+\+ new: show$/ }).waitFor();
    expect(await page.locator('.journey').count()).toBeLessThanOrEqual(4);
    await page.locator('#news').click();
    await taskItem('Sow bed').first().waitFor();
    await pipeline.converged();
  });
});

describe('records', () => {
  it('say what they hold, from the place in the way of a change, as text', async () => {
    await open(DESKTOP);
    const description = '<img src=x onerror=alert(1)> hang the picture';
    await createTask(api, description);
    const journey = page.locator('.journey[data-state="done"]', { hasText: 'hang the picture' });
    await journey.getByRole('button', { name: /^partition/ }).click();
    const dialog = page.getByRole('dialog', { name: 'Record' });
    await dialog.getByText(`"description": "${description}"`).waitFor();
    await dialog.getByText('tasks.event.created', { exact: true }).waitFor();
    expect(await dialog.locator('img').count()).toBe(0);
    expect(await accessibilityFaults(page)).toEqual([]);
    await screenshot('record');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
  });

  it('that are dead letters are listed, shown, and replayed or discarded after a question', async () => {
    for (const key of ['poison', 'venom'])
      await pipeline.topics.produce([{ key, value: Buffer.from('{'), headers: [] }]);
    await open(PHONE);
    await page.locator('[data-value="deadLetters"]', { hasText: '2' }).waitFor();
    await page.locator('#open-dead-letters').click();
    const dialog = page.getByRole('dialog', { name: 'Dead letters' });
    await dialog.getByText('2 open.').waitFor();
    const letter = (key: string) => dialog.locator('.letter', { hasText: `key ${key}` });
    await letter('poison').getByText('malformed_event').waitFor();
    await letter('poison').getByRole('button', { name: 'Content' }).click();
    await letter('poison').locator('pre', { hasText: '{' }).waitFor();
    expect(await smallTargets()).toEqual([]);
    expect(await accessibilityFaults(page)).toEqual([]);
    await screenshot('dead-letters');

    const sure = page.getByRole('dialog', { name: /^(Replay|Discard) dead letter/ });
    await letter('poison').getByRole('button', { name: 'Discard' }).click();
    await sure.getByRole('button', { name: 'Cancel' }).click();
    await letter('poison').getByRole('button', { name: 'Discard' }).click();
    await sure.getByRole('button', { name: 'Discard' }).click();
    await dialog.getByText(/is discarded\. 1 open/).waitFor();
    expect(await letter('poison').count()).toBe(0);
    await letter('venom').getByRole('button', { name: 'Replay' }).click();
    await sure.getByRole('button', { name: 'Replay' }).click();
    // Nobody has mended it: it comes back.
    await dialog.getByText(/is replayed/).waitFor();
    await page.locator('[data-value="deadLetters"]', { hasText: '3' }).waitFor();
    const { rows } = await pipeline.database.pool.query('SELECT task, state FROM dead_letter_actions ORDER BY id');
    expect(rows).toEqual([
      { task: 'poison', state: 'discarded' },
      { task: 'venom', state: 'replayed' },
    ]);
  });

  it('and the words of the page are explained where they stand', async () => {
    await open(DESKTOP);
    await page.getByRole('button', { name: 'Words: PostgreSQL' }).press('Enter');
    const words = page.locator('#words-postgres');
    await words.getByText('in the outbox', { exact: true }).waitFor();
    expect(await words.isVisible()).toBe(true);
    expect(await accessibilityFaults(page)).toEqual([]);
    await screenshot('words');
    await page.keyboard.press('Escape');
    expect(await words.isVisible()).toBe(false);
  });
});

describe('the address of the page', () => {
  it('names what is searched: a link leads to it, and Back to what was before', async () => {
    const past = '2026-01-02T09:00:00Z';
    await call(api, 'POST', '/tasks', {
      description: 'Tar the roof',
      priority: 'high',
      tags: ['roof'],
      dates: { due: past },
    });
    await call(api, 'POST', '/tasks', { description: 'Tar the road', priority: 'low', tags: ['road'] });
    await pipeline.converged();
    await open(DESKTOP);
    await page.getByLabel('Search', { exact: true }).fill('tar the');
    await page.keyboard.press('Enter');
    await page.locator('#tasks-count', { hasText: '2 found' }).waitFor();
    await page.locator('#search-priority').selectOption('high');
    await page.locator('#tasks-count', { hasText: '1 found' }).waitFor();
    await page.locator('#search-tags').fill('roof');
    await page.keyboard.press('Enter');
    await page.locator('#search-overdue').check();
    await waitFor('the address', () => page.url().includes('overdue=true'));
    const link = new URL(page.url());
    expect(Object.fromEntries(link.searchParams)).toEqual({
      ...{ q: 'tar the', priority: 'high', tags: 'roof', overdue: 'true' },
    });
    expect(await taskItem('Tar the roof').getByText('overdue', { exact: true }).count()).toBe(1);
    for (let i = 0; i < 3; i += 1) await page.goBack();
    await page.locator('#tasks-count', { hasText: '2 found' }).waitFor();
    expect(await page.locator('#search-priority').inputValue()).toBe('');
    await page.goBack();
    await page.locator('#tasks-count', { hasText: 'newest first' }).waitFor();
    await watched.close();
    await open(DESKTOP, link.pathname + link.search);
    await page.locator('#tasks-count', { hasText: '1 found' }).waitFor();
    expect(await page.locator('#search-overdue').isChecked()).toBe(true);
  });

  it('names what is edited, and Back closes it', async () => {
    const { id } = await createTask(api, 'Mend the net');
    await open(DESKTOP);
    await page.getByRole('button', { name: 'Edit: Mend the net' }).click();
    let dialog = page.getByRole('dialog', { name: 'Edit task' });
    await dialog.waitFor();
    const link = new URL(page.url());
    expect(link.searchParams.get('open')).toBe(id);
    await page.goBack();
    await dialog.waitFor({ state: 'hidden' });
    expect(page.url()).not.toContain('open');
    await page.goForward();
    await dialog.waitFor();
    await page.keyboard.press('Escape');
    await waitFor('the address without it', () => !page.url().includes('open'));
    await watched.close();
    await open(DESKTOP, link.pathname + link.search);
    dialog = page.getByRole('dialog', { name: 'Edit task' });
    await dialog.waitFor();
    expect(await dialog.getByLabel('Description').inputValue()).toBe('Mend the net');
    await page.keyboard.press('Escape');
    await waitFor('the address without it', () => !page.url().includes('open'));

    await page.getByRole('button', { name: 'Copy id: Mend the net' }).click();
    await page.locator('#status', { hasText: 'The id is copied.' }).waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(id);
  });
});

describe.each(['light', 'dark'] as const)('on a phone in the %s theme', (colorScheme) => {
  it('tasks come before statistics, and everything is large enough for a finger', async () => {
    await call(api, 'POST', '/tasks', {
      description: 'Shell the peas',
      priority: 'high',
      dates: { due: '2026-01-02T09:00:00Z' },
    });
    await open(PHONE, '/console', colorScheme);
    const heights = async (selector: string) => (await page.locator(selector).boundingBox())?.y ?? Number.NaN;
    expect(await heights('#task-list')).toBeLessThan(await heights('#nodes'));
    // Two screens, and the first task is on the first of them.
    expect(await heights('.task >> nth=0')).toBeLessThan(PHONE.height);
    // In the order of the keyboard too.
    expect(
      await page.evaluate(
        `!!(document.querySelector('#task-list').compareDocumentPosition(document.querySelector('#nodes')) & Node.DOCUMENT_POSITION_FOLLOWING)`,
      ),
    ).toBe(true);
    const { id } = await createTask(api, `Salt the beans, ${colorScheme}`);
    await page.locator('#way-bar', { hasText: `Created “Salt the beans, ${colorScheme}”` }).waitFor();
    await page.locator('#way-bar', { hasText: 'searchable after' }).waitFor();
    await page.locator('#news').click();
    await page.locator(`[data-id="${id}"]`).waitFor();
    expect(await smallTargets()).toEqual([]);
    expect(Number(await page.evaluate('document.documentElement.scrollWidth'))).toBeLessThanOrEqual(PHONE.width);
    expect(await accessibilityFaults(page)).toEqual([]);
    await screenshot(`${colorScheme}-phone`);
    await screenshot(`${colorScheme}-phone-whole`, true);
    await page.getByRole('button', { name: `Edit: Salt the beans, ${colorScheme}` }).click();
    expect(await smallTargets()).toEqual([]);
    expect(await accessibilityFaults(page)).toEqual([]);
    await screenshot(`${colorScheme}-phone-edit`);
    await page.keyboard.press('Escape');
  });

  it('and on a desk it is accessible, with what travels in sight', async () => {
    await open(DESKTOP, '/console', colorScheme);
    await page.locator('#create-description').fill(`Bake the bread, ${colorScheme}`);
    await page.keyboard.press('Enter');
    await page.locator('.journey[data-state="done"]', { hasText: 'Bake the bread' }).waitFor();
    await createTask(api, `Air the beds, ${colorScheme}`);
    await page.locator('.journey[data-state="done"]', { hasText: 'Air the beds' }).waitFor();
    await page.locator('.task').last().scrollIntoViewIfNeeded();
    const way = await page.locator('.area-way').boundingBox();
    expect(way?.y).toBeGreaterThanOrEqual(0);
    await screenshot(`${colorScheme}-desk-scrolled`);
    await page.evaluate('scrollTo(0, 0)');
    expect(await accessibilityFaults(page)).toEqual([]);
    // README's picture: the boxes glow for a second, and the numbers are averages of some.
    await waitFor('no glow', async () => (await page.locator('.node.passing').count()) === 0);
    await page.setViewportSize({ width: 1280, height: 960 });
    await screenshot(`${colorScheme}-desk`);
  });
});

/** What can be pressed and is on show, and is smaller than 44 × 44 px; a checkbox is as large as its label. */
const smallTargets = (): Promise<unknown> =>
  page.evaluate(`(() => {
    const scope = document.querySelector('dialog[open]') ?? document;
    return [...scope.querySelectorAll('button, input, select, textarea, a')]
      .filter((element) => !element.matches('.skip'))
      .map((element) => element.closest('label') ?? element)
      .filter((element) => element.checkVisibility({ visibilityProperty: true }))
      .map((element) => ({ element, box: element.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 0 && (box.width < 44 || box.height < 44))
      .map(({ element, box }) => element.outerHTML.slice(0, 80) + ' ' + box.width + '×' + box.height);
  })()`);
