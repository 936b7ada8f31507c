import { randomUUID } from 'node:crypto';
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { controlsOf } from '../../services/api/console/controls.ts';
import type { AnyField, Control } from '../../services/pipeline/field.ts';
import { accessibilityFaults, layoutShiftOf, openPage } from '../support/browser.ts';
import { useConsole } from '../support/console.ts';
import { call, createTask } from '../support/pipeline.ts';
import { stopProcess } from '../support/process.ts';
import { createTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait.ts';

let proxy: TcpProxy;
beforeAll(async () => {
  proxy = await createTcpProxy(Number(new URL(inject('elasticsearchUrl')).port));
});
afterAll(() => proxy.close());

// The API reaches Elasticsearch through the proxy; the indexer does not.
const view = useConsole({ partitions: 12 }, () => ({
  ELASTICSEARCH_URL: `http://127.0.0.1:${proxy.port}`,
  SEARCH_BREAKER_RESET_MS: '500',
}));
beforeEach(() => view.open({ viewport: { width: 1280, height: 900 } }));

const { taskItem, create } = view;
const node = (name: string): Locator => view.page.locator(`[data-node="${name}"]`);
const screenshot = (name: string) => view.screenshot(name, true);

/** The newest journey, once it has come to its end. */
const finishedJourney = async (heading: string): Promise<Locator> => {
  const journey = view.page.locator('.journey', { hasText: heading }).first();
  await journey.locator('[data-stage="searchable"][data-state="done"]').waitFor();
  return journey;
};

/** What has the focus, as assistive technology calls it. */
const focused = (): Promise<unknown> =>
  view.page.evaluate(
    `document.activeElement.getAttribute('aria-label') ?? document.activeElement.id ?? document.activeElement.tagName`,
  );

describe('the console', () => {
  it('creates a task by keyboard alone, and shows its way to search', async () => {
    await view.page.keyboard.press('Tab');
    expect(await view.page.evaluate('document.activeElement.textContent')).toBe('Skip to the tasks');
    await view.page.keyboard.press('Enter');
    await view.page.keyboard.press('Tab');
    expect(await focused()).toBe('create-description');
    await view.page.keyboard.type('Oil the garden gate');
    await view.page.keyboard.press('Tab');
    await view.page.keyboard.type('high');
    await view.page.keyboard.press('Shift+Tab');
    await view.page.keyboard.press('Enter');
    const item = taskItem('Oil the garden gate');
    await item.getByText('high priority').waitFor();
    // The next task can be typed at once.
    expect(await focused()).toBe('create-description');

    const journey = await finishedJourney('Created “Oil the garden gate”');
    const stages = await journey.locator('.stage').allInnerTexts();
    expect(stages.map((stage) => stage.split('\n')[0])).toEqual([
      'Acknowledged',
      'Published',
      'In Kafka',
      'Indexed',
      'Searchable',
    ]);
    await view.page.locator('#status', { hasText: 'found by search after' }).waitFor();
    // Of a change that was found by search before it was looked for, the time is not known.
    await waitFor(
      'a measured time',
      async () => {
        await createTask(view.api, 'measured');
        await view.page.waitForTimeout(1_500);
        return /\d m?s/.test(await view.page.locator('[data-value="latency"]').innerText());
      },
      { timeoutMs: 120_000 },
    );
  });

  it('shows the place that a record has in Kafka', async () => {
    // A record that is not found within two seconds is shown without its place, as on a machine that stood still.
    const { description, place } = await waitFor(
      'a journey with a place',
      async () => {
        const attempt = `Sharpen the sickle ${randomUUID()}`;
        await create(attempt);
        const stage = (await finishedJourney(`Created “${attempt}”`)).locator('[data-stage="in-kafka"]');
        const found = /partition (\d+), offset (\d+)/.exec(await stage.innerText());
        return found !== null && { description: attempt, place: found.slice(1).map(Number) };
      },
      { timeoutMs: 60_000 },
    );
    const id = await taskItem(description).getAttribute('data-id');
    const records = await view.pipeline.topics.readAll(view.pipeline.topics.tasks);
    const record = records.find(({ key }) => String(key) === id);
    expect(place).toEqual([record?.partition, record?.offset]);
  });

  it('completes, edits, searches and deletes', async () => {
    await create('Sweep the chimney');
    await create('Sweep the yard');
    await view.page.getByLabel('Done: Sweep the yard').press('Space');
    await taskItem('Sweep the yard').getByText('version 2').waitFor();
    expect(await taskItem('Sweep the yard').getAttribute('data-done')).toBe('true');
    expect(await focused()).toBe('Done: Sweep the yard');
    await finishedJourney('Completed “Sweep the yard”');

    await view.page.getByRole('button', { name: 'Edit: Sweep the chimney' }).press('Enter');
    const dialog = view.page.getByRole('dialog', { name: 'Edit task' });
    await dialog.getByLabel('Description').fill('Sweep the tall chimney');
    await dialog.getByLabel('Start').fill('2026-03-01T09:00');
    await dialog.getByLabel('Due').fill('2026-02-01T09:00');
    await dialog.getByRole('button', { name: 'Save' }).press('Enter');
    await dialog.getByRole('alert').getByText('must not be after due').waitFor();
    await dialog.getByLabel('Due').fill('2026-03-02T17:30');
    await dialog.getByRole('button', { name: 'Save' }).press('Enter');
    await taskItem('Sweep the tall chimney').getByText('due 2 Mar 2026, 17:30').waitFor();
    expect(await focused()).toBe('Edit: Sweep the tall chimney');
    await finishedJourney('Changed “Sweep the tall chimney”');

    await view.page.getByLabel('Search', { exact: true }).fill('sweep');
    await view.page.getByLabel('Show').selectOption('open');
    await view.page.getByRole('button', { name: 'Search', exact: true }).press('Enter');
    await view.page.getByText('1 found').first().waitFor();
    expect(await view.page.locator('.task').count()).toBe(1);

    await view.page.getByRole('button', { name: 'Delete: Sweep the tall chimney' }).press('Enter');
    const question = view.page.getByRole('dialog', { name: 'Delete this task?' });
    await question.press('Escape');
    expect(await view.page.locator('.task').count()).toBe(1);
    await view.page.getByRole('button', { name: 'Delete: Sweep the tall chimney' }).press('Enter');
    await question.getByRole('button', { name: 'Delete' }).press('Enter');
    await finishedJourney('Deleted “Sweep the tall chimney”');
    await view.page.getByText('Nothing found.').waitFor();
    await view.pipeline.converged();
  });

  it('shows a conflict, and goes on from the current version', async () => {
    await create('Paint the fence');
    const id = String(await taskItem('Paint the fence').getAttribute('data-id'));
    await view.page.getByRole('button', { name: 'Edit: Paint the fence' }).click();
    const fields = { priority: 'low', dates: {}, isDone: false };
    await call(view.api, 'PUT', `/tasks/${id}`, { ...fields, description: 'Paint the fence green' });
    const dialog = view.page.getByRole('dialog', { name: 'Edit task' });
    await dialog.getByLabel('Description').fill('Paint the fence blue');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByRole('alert').getByText('Somebody else has changed this task').waitFor();
    await view.page.keyboard.press('Enter');
    await waitFor(
      'the version of the other one',
      async () => (await dialog.getByLabel('Description').inputValue()) === 'Paint the fence green',
    );
    await dialog.getByLabel('Description').fill('Paint the fence teal');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await taskItem('Paint the fence teal').getByText('version 3').waitFor();

    // The page has heard of the change, and does not read it before the button is pressed: it would go.
    let onPress = (): void => undefined;
    const pressed = new Promise<void>((resolve) => (onPress = resolve));
    await view.page.route(`**/tasks/${id}`, async (route) => {
      if (route.request().method() === 'GET') await pressed;
      await route.continue();
    });
    await call(view.api, 'PUT', `/tasks/${id}`, { ...fields, description: 'Paint the fence red' });
    await view.page.getByLabel('Done: Paint the fence teal').click();
    await taskItem('Paint the fence teal').getByText('Somebody else has changed this task').waitFor();
    await view.page.getByRole('button', { name: 'Load the current version' }).press('Enter');
    onPress();
    await view.page.getByLabel('Done: Paint the fence red').click();
    await taskItem('Paint the fence red').getByText('version 5').waitFor();
    await view.page.unroute(`**/tasks/${id}`);
  });

  it('sends a create once, however often it takes to get it through', async () => {
    let answers = 0;
    // The first answer is lost on its way back.
    await view.page.route('**/tasks', async (route) => {
      if (route.request().method() !== 'POST' || answers > 0) {
        await route.continue();
        return;
      }
      answers += 1;
      await route.fetch();
      await route.abort();
    });
    await view.page.locator('#create-description').fill('Wind the clock once');
    await view.page.keyboard.press('Enter');
    await view.page.getByText('The API cannot be reached.').waitFor();
    await view.page.keyboard.press('Enter');
    await taskItem('Wind the clock once').waitFor();
    const { rows } = await view.pipeline.database.pool.query(
      `SELECT FROM tasks WHERE description = 'Wind the clock once'`,
    );
    expect(rows.length).toBe(1);
    // The browser's own line about the answer that this test has cut off.
    expect(view.forgive('net::ERR_FAILED')).toBe(1);
  });

  it('shows a task that is made while the list is still on its way', async () => {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let isRead = false;
    await view.page.route(
      '**/tasks?limit=10',
      async (route) => {
        const before = await route.fetch();
        isRead = true;
        await released;
        await route.fulfill({ response: before });
      },
      { times: 1 },
    );
    await view.page.reload();
    await view.page.getByText('Live', { exact: true }).waitFor();
    await waitFor('the list without it', () => isRead);
    await create('Rake the leaves early');
    release();
    await view.page.locator('#tasks-count', { hasText: 'newest first' }).waitFor();
    // Time for the late answer to be drawn, if it were.
    await view.page.waitForTimeout(1_000);
    expect(await taskItem('Rake the leaves early').count()).toBe(1);
  });

  it('says what is refused in words, and keeps what was typed', async () => {
    await view.page.locator('#create-description').fill('   ');
    await view.page.keyboard.press('Enter');
    await view.page.getByText('description: must not be empty.').waitFor();
    expect(await view.page.locator('#create-description').inputValue()).toBe('   ');
  });

  it('says that Elasticsearch is away while everything else goes on, and that it is back', async () => {
    await node('elasticsearch').getByText('answers', { exact: true }).waitFor();
    proxy.cut();
    try {
      // First: the next thing that is said takes its place.
      await view.page.locator('#status', { hasText: /Elasticsearch does not answer|Search not available/ }).waitFor();
      await node('elasticsearch').getByText('does not answer').waitFor();
      await node('search').getByText('not available').waitFor();
      await node('kafka').getByText('answers', { exact: true }).waitFor();
      await view.page.getByLabel('Search', { exact: true }).fill('anything');
      await view.page.keyboard.press('Enter');
      await view.page.getByText('Search does not answer; everything else does.').waitFor();
      await create('Written while search was away');
      const journey = view.page.locator('.journey').first();
      await journey.locator('[data-stage="in-kafka"][data-state="done"]').waitFor();
      expect(await journey.locator('[data-stage="searchable"]').getAttribute('data-state')).toBe('open');
      await screenshot('search-down');
    } finally {
      proxy.restore();
    }
    await finishedJourney('Created “Written while search was away”');
    await node('elasticsearch').getByText('answers', { exact: true }).waitFor();
    await view.page.getByLabel('Search', { exact: true }).fill('written away');
    await view.page.keyboard.press('Enter');
    await view.page.locator('#tasks-count', { hasText: 'found' }).waitFor();
    expect(await view.page.getByText('Search does not answer').count()).toBe(0);
  });

  it('asks again by itself for what could not be searched', async () => {
    await create('Whittle a spoon');
    await finishedJourney('Created “Whittle a spoon”');
    proxy.cut();
    try {
      await view.page.getByLabel('Search', { exact: true }).fill('whittle');
      await view.page.getByText('The page asks again by itself.').waitFor();
      await view.page.locator('#tasks-count', { hasText: 'still the list of before' }).waitFor();
    } finally {
      proxy.restore();
    }
    await view.page.locator('#tasks-count', { hasText: '1 found' }).waitFor();
    expect(await view.page.locator('#search-problem').innerText()).toBe('');
  });

  it('says that a server does not answer which keeps its connections, and that it does again', async () => {
    view.api.child.kill('SIGSTOP');
    try {
      await view.page.getByText('No answer', { exact: true }).waitFor();
      await node('http').getByText('does not answer').waitFor();
    } finally {
      view.api.child.kill('SIGCONT');
    }
    await view.page.getByText('Live', { exact: true }).waitFor();
    await node('http').getByText('answers', { exact: true }).waitFor();
  });

  it('shows lag where it is, and nothing on the page moves when numbers change', async () => {
    await view.page.locator('[data-value="lagNote"]', { hasText: 'Nothing waits' }).waitFor();
    view.indexer.child.kill('SIGSTOP');
    try {
      const before = await layoutShiftOf(view.page);
      const writers = Array.from({ length: 6 }, async (_, writer) => {
        for (let i = 0; i < 60; i += 1) await createTask(view.api, `Water plant ${writer}-${i}`);
      });
      await Promise.all(writers);
      await view.page.locator('[data-value="lagNote"]', { hasText: '360 events wait' }).waitFor();
      const shown = await view.page.locator('.bar-value').allInnerTexts();
      expect(shown.reduce((sum, text) => sum + Number(text), 0)).toBe(360);
      await view.page.locator('[data-value="latencyNote"]', { hasText: 'has waited' }).waitFor();
      // A digit more moves a number by its width; a line more would count a hundred times that.
      expect((await layoutShiftOf(view.page)) - before).toBeLessThan(0.001);
      await screenshot('busy');
    } finally {
      view.indexer.child.kill('SIGCONT');
    }
    // It may have been thrown out of its group, and has to join again.
    await view.page.locator('[data-value="lagNote"]', { hasText: 'Nothing waits' }).waitFor({ timeout: 60_000 });
    await view.pipeline.converged();
  });

  it.each(['light', 'dark'] as const)('is accessible in the %s theme, also on a narrow screen', async (colorScheme) => {
    await view.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await create(`Label the jars, ${colorScheme}`);
    await finishedJourney(`Created “Label the jars, ${colorScheme}”`);
    expect(await accessibilityFaults(view.page)).toEqual([]);
    const ground = String(await view.page.evaluate('getComputedStyle(document.body).backgroundColor'));
    const [red = 0] = (/\d+/.exec(ground) ?? []).map(Number);
    expect(red > 128).toBe(colorScheme === 'light');
    await screenshot(colorScheme);
    await view.page.getByRole('button', { name: 'Edit: Label the jars' }).first().click();
    expect(await accessibilityFaults(view.page)).toEqual([]);
    await screenshot(`${colorScheme}-edit`);
    await view.page.keyboard.press('Escape');
    await view.page.setViewportSize({ width: 360, height: 780 });
    expect(await accessibilityFaults(view.page)).toEqual([]);
    expect(Number(await view.page.evaluate('document.documentElement.scrollWidth'))).toBeLessThanOrEqual(360);
    await screenshot(`${colorScheme}-narrow`);
  });

  it('does not hold up the stop, and finds the next server by itself', async () => {
    const second = await view.pipeline.startApi({ CONSOLE: 'true', DRAIN_DELAY_MS: '500' });
    const other = await openPage(view.browser, `http://127.0.0.1:${second.port}/console`);
    await other.page.getByText('Live', { exact: true }).waitFor();
    const startedAt = performance.now();
    expect(await stopProcess(second)).toEqual({ code: 0, signal: null });
    // Streams left open would hold it for as long as its HTTP server may take.
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    await other.page.getByText('Reconnecting', { exact: true }).waitFor();
    await view.pipeline.startApi({ CONSOLE: 'true', PORT: String(second.port) });
    await other.page.getByText('Live', { exact: true }).waitFor();
    await other.close();
  });
});

/** A field of a kind that a task does not have, which may be null. */
const optional = (control: Control, initial: unknown = null): AnyField => ({
  ...{ input: z.any(), shown: z.any(), columns: {}, toColumns: () => ({}), mapping: {} },
  ...{ control, initial },
});

it.each(['create', 'edit'] as const)(
  'an input of the form to %s that is left empty says the initial value',
  async (form) => {
    const fields = {
      author: optional({ kind: 'text', label: 'Author', maxLength: 50, placeholder: '' }),
      bought: optional({ kind: 'date', label: 'Bought' }),
      pages: optional({ kind: 'number', label: 'Pages' }),
      copies: optional({ kind: 'number', label: 'Copies' }, 1),
    };
    const read = (values: object): Promise<unknown> =>
      view.page.evaluate(`(async () => {
      const { fillForm, readForm } = await import('/console/form.js');
      const form = document.createElement('form');
      form.innerHTML = ${JSON.stringify(controlsOf(fields, form))};
      const values = ${JSON.stringify(values)};
      fillForm(form, values);
      return readForm(form, values);
    })()`);
    const empty = { author: null, bought: null, pages: null, copies: null };
    expect(await read(empty)).toEqual({ ...empty, copies: 1 });
    const full = { author: 'Ada "A" <L>', bought: '2026-03-01', pages: 0, copies: 3 };
    expect(await read(full)).toEqual(full);
  },
);
