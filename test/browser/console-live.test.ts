import { describe, expect, it } from 'vitest';
import { accessibilityFaults, layoutShiftOf } from '../support/browser.ts';
import { cutWords, DESKTOP, PHONE, smallTargets, useConsole } from '../support/console.ts';
import { call, createTask } from '../support/pipeline.ts';
import { createTcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait.ts';

const view = useConsole();
const { open, taskItem, screenshot } = view;
const patch = (id: string, body: object) =>
  call(view.api, 'PATCH', `/tasks/${id}`, body, { 'content-type': 'application/merge-patch+json' });

describe('what somebody else changes', () => {
  it('is shown in its row, where that is, and nothing else moves', async () => {
    const { id } = await createTask(view.api, 'Whitewash the wall');
    await createTask(view.api, 'Prune the pear tree');
    await open();
    const before = await layoutShiftOf(view.page);
    await patch(id, { isDone: true });
    await taskItem('Whitewash the wall').getByText('version 2').waitFor();
    expect(await taskItem('Whitewash the wall').getAttribute('data-done')).toBe('true');
    expect(await view.page.locator('.task').nth(1).getAttribute('data-id')).toBe(id);
    // Its way is followed too, here and in its row.
    await view.page.locator('.journey[data-state="done"]', { hasText: 'Changed “Whitewash the wall”' }).waitFor();
    await view.page.locator('.journey', { hasText: 'elsewhere' }).first().waitFor();
    await taskItem('Whitewash the wall')
      .getByText(/searchable after/)
      .waitFor();
    expect((await layoutShiftOf(view.page)) - before).toBeLessThan(0.001);

    await call(view.api, 'DELETE', `/tasks/${id}`);
    await taskItem('Whitewash the wall').getByText('somebody has deleted it').waitFor();
    expect(await taskItem('Whitewash the wall').getByRole('button').count()).toBe(0);
    await view.page.locator('.journey[data-state="done"]', { hasText: 'Deleted “Whitewash the wall”' }).waitFor();
  });

  it('is counted when it is new, and shown when the person asks', async () => {
    await open();
    const button = view.page.locator('#news');
    expect(await button.isVisible()).toBe(false);
    const shown = await view.page.locator('.task').allInnerTexts();
    for (const name of ['Chop the wood', 'Stack the wood']) await createTask(view.api, name);
    await button.getByText('2 new: show').waitFor();
    expect(await view.page.locator('.task').count()).toBe(shown.length);
    // One that is made here is no news.
    await view.page.locator('#create-description').fill('Burn the wood');
    await view.page.keyboard.press('Enter');
    await taskItem('Burn the wood').waitFor();
    await view.page.locator('.journey[data-state="done"]', { hasText: 'Created “Burn the wood”' }).waitFor();
    expect(await button.innerText()).toBe('2 new: show');
    await button.click();
    await taskItem('Stack the wood').waitFor();
    await waitFor('no news', async () => !(await button.isVisible()));
    expect(await taskItem('Burn the wood').count()).toBe(1);
  });

  it('does not take from a person what they type, and is shown once they have closed the editor', async () => {
    const { id } = await createTask(view.api, 'Beat the carpet');
    await open();
    await view.page.getByRole('button', { name: 'Edit: Beat the carpet' }).click();
    const dialog = view.page.getByRole('dialog', { name: 'Edit task' });
    await dialog.getByLabel('Description').fill('Beat the red carpet');
    await patch(id, { description: 'Beat the blue carpet' });
    await view.page.locator('.journey', { hasText: 'Beat the' }).first().waitFor();
    await view.page.locator('.journey[data-state="done"]', { hasText: 'Changed “Beat the carpet”' }).waitFor();
    expect(await dialog.getByLabel('Description').inputValue()).toBe('Beat the red carpet');
    expect(await taskItem('Beat the carpet').count()).toBe(1);
    await view.page.keyboard.press('Escape');
    await taskItem('Beat the blue carpet').getByText('version 2').waitFor();
  });

  it('is made up for after the connection was cut', async () => {
    const [{ id }, gone] = [await createTask(view.api, 'Grease the axle'), await createTask(view.api, 'Oil the axle')];
    const proxy = await createTcpProxy(view.api.port);
    await open({ port: proxy.port });
    proxy.cut();
    await view.page.getByText('Reconnecting', { exact: true }).waitFor();
    await patch(id, { isDone: true });
    await call(view.api, 'DELETE', `/tasks/${gone.id}`);
    await createTask(view.api, 'Change the wheel');
    proxy.restore();
    await taskItem('Grease the axle').getByText('version 2').waitFor();
    await taskItem('Oil the axle').getByText('somebody has deleted it').waitFor();
    await view.page.locator('#news', { hasText: '1 new: show' }).waitFor();
    await proxy.close();
    // The browser's own lines about what was cut.
    view.forgive('net::ERR_');
  });

  it('is made up for in rows further down too', async () => {
    const first = await createTask(view.api, 'Count the sheep');
    const operations = Array.from({ length: 119 }, (_, i) => ({ op: 'create', task: { description: `Sheep ${i}` } }));
    expect((await call(view.api, 'POST', '/tasks/batch', { operations })).status).toBe(200);
    const proxy = await createTcpProxy(view.api.port);
    await open({ port: proxy.port });
    await waitFor('all rows', async () => {
      await view.page.locator('#more').click();
      return (await taskItem('Count the sheep').count()) === 1;
    });
    proxy.cut();
    await view.page.getByText('Reconnecting', { exact: true }).waitFor();
    await patch(first.id, { isDone: true });
    proxy.restore();
    await taskItem('Count the sheep').getByText('version 2').waitFor();
    await proxy.close();
    view.forgive('net::ERR_');
  });

  it('counts in a search only what the search finds', async () => {
    await createTask(view.api, 'Pick the quinces');
    await view.pipeline.converged();
    await open({ path: '/console?q=quince&done=false' });
    await view.page.locator('#tasks-count', { hasText: '1 found' }).waitFor();
    for (const name of ['Pick the medlars', 'Boil the quinces', 'Pick the sloes']) await createTask(view.api, name);
    await view.page.locator('#news', { hasText: /^1 new: show$/ }).waitFor();
    // One that comes to match by a change counts too, and one that does not match does not.
    const { id } = await createTask(view.api, 'Press the fruit');
    await patch(id, { description: 'Press the quinces' });
    await view.page.locator('#news', { hasText: /^2 new: show$/ }).waitFor();
    await view.page.locator('#news').click();
    await view.page.locator('#tasks-count', { hasText: '3 found' }).waitFor();
    await taskItem('Press the quinces').waitFor();
    await waitFor('no news', async () => !(await view.page.locator('#news').isVisible()));
  });

  it('is summed up when it is much, and the list can be read again', async () => {
    await open();
    const operations = Array.from({ length: 400 }, (_, i) => ({ op: 'create', task: { description: `Sow bed ${i}` } }));
    expect((await call(view.api, 'POST', '/tasks/batch', { operations })).status).toBe(200);
    await view.page.locator('#news', { hasText: /^\d+\+ new: show$/ }).waitFor();
    expect(await view.page.locator('.journey').count()).toBeLessThanOrEqual(4);
    await view.page.locator('#news').click();
    await taskItem('Sow bed').first().waitFor();
    await view.pipeline.converged();
  });
});

describe('records', () => {
  it('say what they hold, from the place in the way of a change, as text', async () => {
    await open();
    const description = '<img src=x onerror=alert(1)> hang the picture';
    await createTask(view.api, description);
    const journey = view.page.locator('.journey[data-state="done"]', { hasText: 'hang the picture' });
    await journey.getByRole('button', { name: /^partition/ }).click();
    const dialog = view.page.getByRole('dialog', { name: 'Record' });
    await dialog.getByText(`"description": "${description}"`).waitFor();
    await dialog.getByText('tasks.event.created', { exact: true }).waitFor();
    expect(await dialog.locator('img').count()).toBe(0);
    await view.page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
  });

  it('that are dead letters are listed, shown, and replayed or discarded after a question', async () => {
    for (const key of ['poison', 'venom'])
      await view.pipeline.topics.produce([{ key, value: Buffer.from('{'), headers: [] }]);
    await open({ viewport: PHONE });
    await view.page.locator('[data-value="deadLetters"]', { hasText: '2' }).waitFor();
    await view.page.locator('#open-dead-letters').click();
    const dialog = view.page.getByRole('dialog', { name: 'Dead letters' });
    await dialog.getByText('2 open.').waitFor();
    const letter = (key: string) => dialog.locator('.letter', { hasText: `key ${key}` });
    await letter('poison').getByText('malformed_event').waitFor();
    await letter('poison').getByRole('button', { name: 'Content' }).click();
    await letter('poison').locator('pre', { hasText: '{' }).waitFor();

    const sure = view.page.getByRole('dialog', { name: /^(Replay|Discard) dead letter/ });
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
    await view.page.locator('[data-value="deadLetters"]', { hasText: '3' }).waitFor();
    const { rows } = await view.pipeline.database.pool.query('SELECT task, state FROM dead_letter_actions ORDER BY id');
    expect(rows).toEqual([
      { task: 'poison', state: 'discarded' },
      { task: 'venom', state: 'replayed' },
    ]);
  });

  it('and the words of the page are explained where they stand', async () => {
    await open();
    await view.page.getByRole('button', { name: 'Words: PostgreSQL' }).press('Enter');
    const words = view.page.locator('#words-postgres');
    await words.getByText('in the outbox', { exact: true }).waitFor();
    expect(await words.isVisible()).toBe(true);
    await view.page.keyboard.press('Escape');
    expect(await words.isVisible()).toBe(false);
  });
});

describe('the address of the page', () => {
  it('names what is searched: a link leads to it, and Back to what was before', async () => {
    const past = '2026-01-02T09:00:00Z';
    await call(view.api, 'POST', '/tasks', {
      description: 'Tar the roof',
      priority: 'high',
      tags: ['roof'],
      dates: { due: past },
    });
    await call(view.api, 'POST', '/tasks', { description: 'Tar the road', priority: 'low', tags: ['road'] });
    await view.pipeline.converged();
    await open();
    await view.page.getByLabel('Search', { exact: true }).fill('tar the');
    await view.page.keyboard.press('Enter');
    await view.page.locator('#tasks-count', { hasText: '2 found' }).waitFor();
    await view.page.locator('#search-priority').selectOption('high');
    await view.page.locator('#tasks-count', { hasText: '1 found' }).waitFor();
    await view.page.locator('#search-tags').fill('roof');
    await view.page.keyboard.press('Enter');
    await view.page.locator('#search-overdue').check();
    await waitFor('the address', () => view.page.url().includes('overdue=true'));
    const link = new URL(view.page.url());
    expect(Object.fromEntries(link.searchParams)).toEqual({
      ...{ q: 'tar the', priority: 'high', tags: 'roof', overdue: 'true' },
    });
    expect(await taskItem('Tar the roof').getByText('overdue', { exact: true }).count()).toBe(1);
    for (let i = 0; i < 3; i += 1) await view.page.goBack();
    await view.page.locator('#tasks-count', { hasText: '2 found' }).waitFor();
    expect(await view.page.locator('#search-priority').inputValue()).toBe('');
    await view.page.goBack();
    await view.page.locator('#tasks-count', { hasText: 'newest first' }).waitFor();
    await open({ path: link.pathname + link.search });
    await view.page.locator('#tasks-count', { hasText: '1 found' }).waitFor();
    expect(await view.page.locator('#search-overdue').isChecked()).toBe(true);
  });

  it.each([
    ['?open=0193b3c0', 'This link leads to no task: its id is not whole.'],
    ['?open=0193b3c0-0000-7000-8000-000000000000', 'The task of this link is gone.'],
    ['?priority=urgent', 'There is no “urgent” in “Priority”: the list is not filtered by what this link asks.'],
    [
      '?done=1&overdue=1',
      'There is no “1” in “Show” and no “1” in “Overdue”: the list is not filtered by what this link asks.',
    ],
  ])('%s says what the link asks in vain, and the list is there', async (search, words) => {
    await open({ path: `/console${search}` });
    await view.page.locator('#link-problem', { hasText: words }).waitFor();
    await view.page.locator('#task-list:not(.waiting, [aria-busy])').waitFor({ state: 'attached' });
    expect(await view.page.locator('#link-problem').innerText()).toBe(words);
    expect(await view.page.locator('#search-priority').inputValue()).toBe('');
    await view.page.getByLabel('Search', { exact: true }).fill('tar');
    await view.page.locator('#tasks-count', { hasText: 'found' }).waitFor();
    expect(await view.page.locator('#link-problem').innerText()).toBe('');
  });

  it('says no more of a link in vain once something else is opened, even when the link is answered later', async () => {
    const { id } = await createTask(view.api, 'Patch the tent');
    const problem = () => view.page.locator('#link-problem');
    const dialog = () => view.page.getByRole('dialog', { name: 'Edit task' });
    const edit = () => view.page.getByRole('button', { name: 'Edit: Patch the' }).click();
    await open({ path: '/console?open=0193b3c0' });
    await problem().getByText('its id is not whole').waitFor();
    await edit();
    expect(await problem().innerText()).toBe('');

    // By Forward, too.
    await view.page.goBack();
    await dialog().waitFor({ state: 'hidden' });
    await view.page.route(`**/tasks/${id}`, (route) => route.abort(), { times: 1 });
    await view.page.goForward();
    await problem().getByText('Reload the page to open the task of this link.').waitFor();
    await view.page.goBack();
    await view.page.goForward();
    await dialog().waitFor();
    expect(await problem().innerText()).toBe('');
    expect(view.forgive('net::ERR_FAILED')).toBe(1);

    let answer: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const gone = '0193b3c0-0000-7000-8000-000000000000';
    await open();
    await view.page.route(`**/tasks/${gone}`, async (route) => {
      await answered;
      await route.continue();
    });
    await view.page.evaluate(`history.pushState(null, '', '?open=${gone}'); dispatchEvent(new Event('popstate'))`);
    await edit();
    const late = view.page.waitForResponse(`**/tasks/${gone}`);
    answer();
    await (await late).finished();
    // What is asked after it is answered after it.
    await view.page.evaluate(`fetch('/console/icon.svg').then((answer) => answer.text())`);
    expect(await problem().innerText()).toBe('');
    expect(await dialog().isVisible()).toBe(true);
    expect(new URL(view.page.url()).searchParams.get('open')).toBe(id);
  });

  it('names what is edited, and Back closes it', async () => {
    const { id } = await createTask(view.api, 'Mend the net');
    await open();
    await view.page.getByRole('button', { name: 'Edit: Mend the net' }).click();
    let dialog = view.page.getByRole('dialog', { name: 'Edit task' });
    await dialog.waitFor();
    const link = new URL(view.page.url());
    expect(link.searchParams.get('open')).toBe(id);
    await view.page.goBack();
    await dialog.waitFor({ state: 'hidden' });
    expect(view.page.url()).not.toContain('open');
    await view.page.goForward();
    await dialog.waitFor();
    await view.page.keyboard.press('Escape');
    await waitFor('the address without it', () => !view.page.url().includes('open'));
    await open({ path: link.pathname + link.search });
    dialog = view.page.getByRole('dialog', { name: 'Edit task' });
    await dialog.waitFor();
    expect(await dialog.getByLabel('Description').inputValue()).toBe('Mend the net');
    await view.page.keyboard.press('Escape');
    await waitFor('the address without it', () => !view.page.url().includes('open'));

    await view.page.getByRole('button', { name: 'Copy id: Mend the net' }).click();
    await view.page.locator('#status', { hasText: 'The id is copied.' }).waitFor();
    expect(await view.page.evaluate('navigator.clipboard.readText()')).toBe(id);
  });
});

describe.each(['light', 'dark'] as const)('on a phone in the %s theme', (colorScheme) => {
  it('tasks come before statistics', async () => {
    await call(view.api, 'POST', '/tasks', {
      description: 'Shell the peas',
      priority: 'high',
      dates: { due: '2026-01-02T09:00:00Z' },
    });
    await open({ viewport: PHONE, colorScheme });
    const heights = async (selector: string) => (await view.page.locator(selector).boundingBox())?.y ?? Number.NaN;
    expect(await heights('#task-list')).toBeLessThan(await heights('#nodes'));
    // Forms fold: the first screen has tasks, above the bar at its end.
    expect(await heights('.task >> nth=2')).toBeLessThan(PHONE.height - 48);
    // In the order of the keyboard too.
    expect(
      await view.page.evaluate(
        `!!(document.querySelector('#task-list').compareDocumentPosition(document.querySelector('#nodes')) & Node.DOCUMENT_POSITION_FOLLOWING)`,
      ),
    ).toBe(true);
    const { id } = await createTask(view.api, `Salt the beans, ${colorScheme}`);
    await view.page.locator('#way-bar', { hasText: `Created “Salt the beans, ${colorScheme}”` }).waitFor();
    await view.page.locator('#way-bar', { hasText: 'searchable after' }).waitFor();
    await view.page.locator('#news').click();
    await view.page.locator(`[data-id="${id}"]`).waitFor();
    await screenshot(`${colorScheme}-phone-whole`, true);
  });

  it('and on a desk what travels is in sight', async () => {
    await open({ colorScheme });
    const third = await view.page.locator('.task').nth(2).boundingBox();
    expect((third?.y ?? Number.NaN) + (third?.height ?? 0)).toBeLessThan(DESKTOP.height);
    await view.page.locator('#create-description').fill(`Bake the bread, ${colorScheme}`);
    await view.page.keyboard.press('Enter');
    await view.page.locator('.journey[data-state="done"]', { hasText: 'Bake the bread' }).waitFor();
    await createTask(view.api, `Air the beds, ${colorScheme}`);
    await view.page.locator('.journey[data-state="done"]', { hasText: 'Air the beds' }).waitFor();
    await view.page.locator('.task').last().scrollIntoViewIfNeeded();
    const way = await view.page.locator('.area-way').boundingBox();
    expect(way?.y).toBeGreaterThanOrEqual(0);
    await screenshot(`${colorScheme}-desk-scrolled`);
    await view.page.evaluate('scrollTo(0, 0)');
    // README's picture: the boxes glow for a second, and the numbers are averages of some.
    await waitFor('no glow', async () => (await view.page.locator('.node.passing').count()) === 0);
    await view.page.setViewportSize({ width: 1280, height: 960 });
    await screenshot(`${colorScheme}-desk`);
  });
});

describe.each(['light', 'dark'] as const)('in the %s theme', (colorScheme) => {
  it.each([
    ['desk', DESKTOP],
    ['phone', PHONE],
  ] as const)(
    'on a %s everything is large enough for a finger, whole and accessible, whatever is open',
    async (size, viewport) => {
      const name = `Prune the roses, ${size} ${colorScheme}`;
      const { id } = await createTask(view.api, name);
      await view.pipeline.topics.produce([{ key: name, value: Buffer.from('{'), headers: [] }]);
      await view.pipeline.converged();
      await open({ viewport, colorScheme });
      const { page } = view;
      const judge = async (state: string) => {
        await screenshot(`${colorScheme}-${size}-${state}`);
        expect({
          state,
          small: await smallTargets(page),
          cut: await cutWords(page),
          faults: await accessibilityFaults(page),
          width: Number(await page.evaluate('document.documentElement.scrollWidth')) <= viewport.width,
        }).toEqual({ state, small: [], cut: [], faults: [], width: true });
      };
      const dialog = (title: string | RegExp) => page.getByRole('dialog', { name: title });
      const button = (text: string) => page.getByRole('button', { name: text });

      await page.getByLabel(`Done: ${name}`).click();
      const journey = page.locator('.journey[data-state="done"]', { hasText: `Completed “${name}”` });
      await journey.waitFor();
      await page.keyboard.press('Control+Home');
      await page.locator('.skip').focus();
      await judge('page');

      await journey.getByRole('button', { name: /^partition/ }).click();
      await dialog('Record').getByText('tasks.event.updated', { exact: true }).waitFor();
      await judge('record');
      await page.keyboard.press('Escape');

      await page.locator('#open-dead-letters').click();
      const letter = dialog('Dead letters').locator('.letter', { hasText: `key ${name}` });
      await letter.getByRole('button', { name: 'Content' }).click();
      await letter.locator('pre').waitFor();
      await judge('dead-letters');
      await letter.getByRole('button', { name: 'Discard' }).click();
      await judge('sure');
      await dialog(/^Discard/)
        .getByRole('button', { name: 'Discard' })
        .click();
      await dialog('Dead letters')
        .getByText(/is discarded/)
        .waitFor();
      await page.keyboard.press('Escape');

      await button('Words: PostgreSQL').click();
      await judge('words');
      await page.keyboard.press('Escape');

      await button(`Delete: ${name}`).click();
      await judge('delete');
      await page.keyboard.press('Escape');

      await button(`Edit: ${name}`).click();
      await judge('edit');
      await dialog('Edit task').getByLabel('Description').fill('Prune all roses');
      await patch(id, { priority: 'high' });
      await dialog('Edit task').getByRole('button', { name: 'Save' }).click();
      await dialog('Edit task').getByText('Somebody else has changed this task').waitFor();
      await judge('conflict');
      await page.keyboard.press('Escape');
      await waitFor('the address without it', () => !page.url().includes('open='));

      for (const fold of ['Details', 'Filters']) if (size === 'phone') await button(fold).click();
      await page.locator('#search-priority').selectOption('high');
      await page.locator('#search-tags').fill('roses');
      await page.locator('#search-overdue').check();
      await page.locator('#tasks-count', { hasText: '0 found' }).waitFor();
      await judge('filters');
    },
  );
});

it('on a phone charts without anything to show take less room than busy ones', async () => {
  await view.pipeline.converged();
  const panels = () => view.page.locator('#panels');
  const height = async () => (await panels().boundingBox())?.height ?? Number.NaN;
  await waitFor('quiet', async () => {
    await open({ viewport: PHONE });
    return (await panels().getAttribute('data-quiet')) === 'true';
  });
  const quiet = await height();
  view.indexer.child.kill('SIGSTOP');
  try {
    await createTask(view.api, 'Draw the curtains');
    await view.page.locator('[data-value="lagNote"]', { hasText: '1 event waits' }).waitFor();
    expect(await height()).toBeGreaterThan(quiet + 100);
  } finally {
    view.indexer.child.kill('SIGCONT');
  }
  // What was measured is on show for the time that the chart spans.
  await view.page.locator('[data-value="lagNote"]', { hasText: 'Nothing waits' }).waitFor({ timeout: 60_000 });
  await waitFor('a dot', async () => (await view.page.locator('#latency .dot').count()) > 0);
  expect(await height()).toBeGreaterThan(quiet + 100);
});
