import type { Locator } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { accessibilityFaults } from '../support/browser.ts';
import { PHONE, useConsole } from '../support/console.ts';
import { call, createTask } from '../support/pipeline.ts';
import { waitFor } from '../support/wait.ts';

const MERGE_PATCH = { 'content-type': 'application/merge-patch+json' };

const view = useConsole();
const { open, taskItem, screenshot } = view;

const field = (): Locator => view.page.locator('#create-description');
const dialog = (): Locator => view.page.getByRole('dialog', { name: 'Edit task' });
const edit = async (text: string): Promise<Locator> => {
  await view.page.getByRole('button', { name: `Edit: ${text}` }).click();
  return dialog().getByLabel('Description');
};
const descriptions = async (): Promise<unknown> =>
  (
    await view.pipeline.database.pool.query<{ description: string }>('SELECT description FROM tasks ORDER BY id')
  ).rows.map(({ description }) => description);

/** Types half of a date, which no browser tells, into the empty input of that id. */
const typeHalfDate = async (id: string): Promise<void> => {
  await view.page.locator(id).focus();
  await view.page.keyboard.type('03042027');
};

/** Holds requests of a method back; each is let go, or its connection ends, in turn. */
const hold = async (method: string): Promise<{ held: () => number; next: (how?: 'abort') => void }> => {
  const waiting: ((how?: 'abort') => void)[] = [];
  let held = 0;
  await view.page.route('**/tasks**', async (route) => {
    if (route.request().method() !== method) {
      await route.continue();
      return;
    }
    held += 1;
    const how = await new Promise<'abort' | undefined>((resolve) => {
      waiting.push(resolve);
    });
    await (how === 'abort' ? route.abort() : route.continue());
  });
  return { held: () => held, next: (how) => waiting.shift()?.(how) };
};

/** Submits changed texts, the first of which is held back, and closes the editor over them. */
const closeWhileSaving = async (task: string, ...texts: readonly string[]) => {
  await createTask(view.api, task);
  await open();
  const text = await edit(task);
  const puts = await hold('PUT');
  for (const typed of texts) {
    await text.fill(typed);
    await text.press('Control+Enter');
    await waitFor('the save', () => puts.held() === 1);
  }
  await view.page.keyboard.press('Escape');
  return { text, puts };
};

it('shows a day that was typed without a time as a day', async () => {
  await open();
  const due = await view.page.evaluate<string>('new Date(2027, 2, 5).toISOString()');
  await call(view.api, 'POST', '/tasks', { description: 'Beat the rug', dates: { due } });
  await open();
  expect(await taskItem('Beat the rug').getByText('due ').textContent()).toBe('due 5 Mar 2027');
});

describe('the editor', () => {
  it('is open again after Back and Forward, however fast one follows the other', async () => {
    await createTask(view.api, 'Mend the sail');
    await open();
    await edit('Mend the sail');
    await dialog().waitFor();
    await view.page.evaluate(`new Promise((resolve) => {
      // After what the page itself does when the browser tells, late, that the dialog was closed.
      document.querySelector('#editor').addEventListener('close', () => { document.documentElement.dataset.closed = ''; });
      addEventListener('popstate', () => { history.forward(); resolve(); }, { once: true });
      history.back();
    })`);
    await waitFor('the address of the editor', () => view.page.url().includes('open='));
    await dialog().waitFor();
    await view.page.locator('html[data-closed]').waitFor();
    expect(view.page.url()).toContain('open=');
    await dialog().getByLabel('Description').fill('Mend both sails');
    await view.page.keyboard.press('Control+Enter');
    await taskItem('Mend both sails').getByText('version 2').waitFor();
    await waitFor('the address without it', () => !view.page.url().includes('open='));
  });

  it('keeps what is typed while a save is under way', async () => {
    const { id } = await createTask(view.api, 'Write the letter');
    await open();
    const text = await edit('Write the letter');
    const puts = await hold('PUT');
    await text.fill('Write the long letter');
    await dialog().getByRole('button', { name: 'Save' }).click();
    await waitFor('the save', () => puts.held() === 1);
    await text.fill('Write the very long letter');
    puts.next();
    await dialog().getByText('Saved, but for what you have typed since.').waitFor();
    expect(await text.inputValue()).toBe('Write the very long letter');
    // Two more are asked for, the second while the first is under way: both are saved, in their order.
    await dialog().getByRole('button', { name: 'Save' }).click();
    await waitFor('the second save', () => puts.held() === 2);
    await text.fill('Write the very last letter');
    await dialog().getByRole('button', { name: 'Saving' }).click();
    puts.next();
    await waitFor('the third save', () => puts.held() === 3);
    puts.next();
    await dialog().waitFor({ state: 'hidden' });
    await taskItem('Write the very last letter').getByText('version 4').waitFor();
    expect((await call(view.api, 'GET', `/tasks/${id}`)).body).toMatchObject({
      task: { description: 'Write the very last letter', version: 4 },
    });
  });

  it('tells of a save that failed after it was closed, where the task stands', async () => {
    const { text, puts } = await closeWhileSaving('Post the parcel', 'Post the parcel today');
    puts.next('abort');
    await taskItem('Post the parcel').getByText('cannot be reached').waitFor();
    await view.page.getByRole('button', { name: 'Go on editing: Post the parcel' }).click();
    expect(await text.inputValue()).toBe('Post the parcel today');
    expect(view.forgive('net::ERR_FAILED')).toBe(1);
  });

  it('keeps the last of what was submitted, when it is closed before a save that fails', async () => {
    const last = 'Sort the long screws and nails';
    const { text, puts } = await closeWhileSaving('Sort the screws', 'Sort the long screws', last);
    puts.next('abort');
    await view.page.getByRole('button', { name: 'Go on editing: Sort the screws' }).click();
    expect(await text.inputValue()).toBe(last);
    expect(view.forgive('net::ERR_FAILED')).toBe(1);
  });

  it('goes on with what is being saved, when it is opened again before that has ended', async () => {
    const { text, puts } = await closeWhileSaving('Oil the hinge', 'Oil the upper hinge');
    await edit('Oil the hinge');
    expect(await text.inputValue()).toBe('Oil the upper hinge');
    puts.next('abort');
    await dialog().getByText('cannot be reached').waitFor();
    expect(await text.inputValue()).toBe('Oil the upper hinge');
    expect(await view.page.locator('#unsaved > li').count()).toBe(0);
    expect(view.forgive('net::ERR_FAILED')).toBe(1);
  });

  it('goes on from what somebody else has saved, with what was changed here', async () => {
    const { id } = await createTask(view.api, 'Call the plumber');
    await open();
    const text = await edit('Call the plumber');
    await text.fill('Call the other plumber');
    await call(view.api, 'PATCH', `/tasks/${id}`, { priority: 'high', tags: ['house'] }, MERGE_PATCH);
    await dialog().getByRole('button', { name: 'Save' }).click();
    await dialog().getByText('Somebody else has changed this task').waitFor();
    expect(await accessibilityFaults(view.page)).toEqual([]);
    await screenshot('conflict');
    await typeHalfDate('#edit-start');
    await dialog().getByRole('button', { name: 'Keep what I changed' }).click();
    await dialog().getByText('An incomplete value cannot be kept, type it again: Start.').waitFor();
    await waitFor('their tags', async () => (await dialog().getByLabel('Tags').inputValue()) === 'house');
    expect(await text.inputValue()).toBe('Call the other plumber');
    await dialog().getByRole('button', { name: 'Save' }).click();
    await dialog().waitFor({ state: 'hidden' });
    expect((await call(view.api, 'GET', `/tasks/${id}`)).body).toMatchObject({
      task: { description: 'Call the other plumber', priority: 'high', tags: ['house'] },
    });
  });

  it.each(['Escape', 'Close', 'Back'])(
    'keeps what was typed when it is closed by %s, and offers it again',
    async (how) => {
      const { id } = await createTask(view.api, `Write the speech, ${how}`);
      await open();
      let text = await edit('Write the speech');
      await text.fill(`Write the short speech, ${how}`);
      if (how === 'Escape') await view.page.keyboard.press('Escape');
      else if (how === 'Close') await dialog().getByRole('button', { name: 'Close' }).click();
      else await view.page.goBack();
      await dialog().waitFor({ state: 'hidden' });
      await view.page
        .locator('#unsaved')
        .getByText(`“Write the speech, ${how}”: what you typed is not saved.`)
        .waitFor();
      await waitFor('the focus on its row', async () =>
        String(await view.page.evaluate('document.activeElement.ariaLabel')).startsWith('Edit: Write the speech'),
      );
      expect(await accessibilityFaults(view.page)).toEqual([]);
      await screenshot('unsaved');
      // From the row as from the offer.
      if (how === 'Back') text = await edit('Write the speech');
      else await view.page.getByRole('button', { name: 'Go on editing: Write the speech' }).click();
      await dialog().getByText('It is not saved yet.').waitFor();
      expect(await text.inputValue()).toBe(`Write the short speech, ${how}`);
      expect(view.page.url()).toContain(`open=${id}`);
      await text.press('Control+Enter');
      await dialog().waitFor({ state: 'hidden' });
      await taskItem(`Write the short speech, ${how}`).getByText('version 2').waitFor();
      expect(await view.page.locator('#unsaved > li').count()).toBe(0);
      await edit(`Write the short speech, ${how}`);
      expect(await dialog().getByLabel('Description').inputValue()).toBe(`Write the short speech, ${how}`);
    },
  );

  it('keeps no half of a date, says so, and shows again what stood there', async () => {
    // In the browser's time zone an hour later.
    const due = '2027-03-05T11:00:00.000Z';
    const { id } = await createTask(view.api, 'Renew the pass');
    await call(view.api, 'PATCH', `/tasks/${id}`, { dates: { due } }, MERGE_PATCH);
    await open();
    await edit('Renew the pass');
    await typeHalfDate('#edit-start');
    await view.page.locator('#edit-due').focus();
    await view.page.keyboard.press('Backspace');
    await view.page.keyboard.press('Control+Enter');
    await dialog().getByText('Start: give both a day and a time, or empty it.').waitFor();
    await view.page.keyboard.press('Escape');
    const kept = view.page.locator('#unsaved > li');
    await kept.getByText('is not saved. An incomplete value cannot be kept, type it again: Start, Due.').waitFor();
    await view.page.getByRole('button', { name: 'Go on editing: Renew the pass' }).click();
    await dialog().getByText('An incomplete value cannot be kept, type it again: Start, Due.').waitFor();
    expect(await view.page.evaluate('document.activeElement.id')).toBe('edit-start');
    expect(await dialog().getByLabel('Due').inputValue()).toBe('2027-03-05T12:00');
    await view.page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'hidden' });
    expect(await kept.count()).toBe(0);
    expect((await call(view.api, 'GET', `/tasks/${id}`)).body).toMatchObject({ task: { version: 2, dates: { due } } });
  });

  it('forgets what was typed when the person discards it', async () => {
    await createTask(view.api, 'Plan the feast');
    await open();
    await (await edit('Plan the feast')).fill('Plan nothing');
    await view.page.keyboard.press('Escape');
    await view.page.getByRole('button', { name: 'Discard what was typed: Plan the feast' }).click();
    expect(await view.page.locator('#unsaved > li').count()).toBe(0);
    expect(await (await edit('Plan the feast')).inputValue()).toBe('Plan the feast');
    await view.page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'hidden' });
    expect(await view.page.locator('#unsaved > li').count()).toBe(0);
  });

  it('says that its task was deleted meanwhile, and still has what was typed', async () => {
    const { id } = await createTask(view.api, 'Hem the curtain');
    await open();
    const text = await edit('Hem the curtain');
    await text.fill('Hem both curtains');
    await call(view.api, 'DELETE', `/tasks/${id}`);
    await dialog().getByRole('button', { name: 'Save' }).click();
    await dialog().getByText('Somebody has deleted this task').waitFor();
    expect(await text.inputValue()).toBe('Hem both curtains');
    await view.page.keyboard.press('Escape');
    await view.page.getByRole('button', { name: 'Go on editing: Hem the curtain' }).click();
    expect(await text.inputValue()).toBe('Hem both curtains');
  });

  it('is not left with something typed that is not saved, unless the person says so', async () => {
    await createTask(view.api, 'Learn the song');
    await open();
    await edit('Learn the song');
    await view.page.keyboard.type('Unsaved');
    const [question] = await Promise.all([
      view.page.waitForEvent('dialog'),
      view.page.evaluate('void setTimeout(() => location.reload())'),
    ]);
    expect(question.type()).toBe('beforeunload');
    await question.dismiss();
    expect(await dialog().getByLabel('Description').inputValue()).toContain('Unsaved');
    await view.page.keyboard.press('Escape');
    // The editor closes by a step back in history, which would end a reload that began before it.
    await view.page.waitForURL(({ search }) => search === '');
    // What was typed is kept, and asked for again.
    view.page.once('dialog', (again) => void again.accept());
    await view.page.reload();
    await view.page.getByText('Live', { exact: true }).waitFor();
  });
});

describe('the form for a new task', () => {
  it('asks before a reload takes what was typed', async () => {
    await open();
    await field().click();
    await view.page.keyboard.type('Half a tho');
    const [question] = await Promise.all([
      view.page.waitForEvent('dialog'),
      view.page.evaluate('void setTimeout(() => location.reload())'),
    ]);
    expect(question.type()).toBe('beforeunload');
    await question.dismiss();
    expect(await field().inputValue()).toBe('Half a tho');
    await field().fill('');
  });

  it('creates nothing of a day without its time, which the browser would leave out, and says what to do', async () => {
    await open({ viewport: PHONE });
    const details = view.page.getByRole('button', { name: 'Details' });
    await details.click();
    await typeHalfDate('#create-due');
    await details.click();
    await field().fill('Pay the rent');
    await field().press('Enter');
    await view.page.getByText('Due: give both a day and a time, or empty it.').waitFor();
    // It was folded, and is led to.
    expect(await view.page.evaluate('document.activeElement.id')).toBe('create-due');
    expect(await accessibilityFaults(view.page)).toEqual([]);
    expect(await descriptions()).not.toContain('Pay the rent');
    await view.page.locator('#create-due').fill('2027-03-04T12:00');
    expect(await view.page.locator('#create-problem').innerText()).toBe('');
    await field().press('Enter');
    await taskItem('Pay the rent').getByText('due 4 Mar 2027, 12:00').waitFor();
  });

  it('takes what is pasted whole, and says by how much it is too long', async () => {
    await open();
    await view.page.evaluate(`navigator.clipboard.writeText('🌱'.repeat(4_001))`);
    await field().click();
    await view.page.keyboard.press('Control+V');
    await field().press('Enter');
    await view.page.getByText('Description: at most 4,000 characters, shorten it by 1.').waitFor();
    expect(Array.from(await field().inputValue()).length).toBe(4_001);
    await field().press('End');
    await field().press('Backspace');
    expect(await view.page.locator('#create-problem').innerText()).toBe('');
    await field().press('Enter');
    await taskItem('🌱').waitFor();
  });

  it('can be used again at once, and creates in the order of the person', async () => {
    await open();
    const posts = await hold('POST');
    for (const text of ['First of three', 'Second of three']) {
      await field().fill(text);
      await view.page.keyboard.press('Enter');
      await waitFor('room for the next', async () => (await field().inputValue()) === '');
    }
    await field().fill('Third of three');
    await view.page.getByText('Creating “First of three” …').waitFor();
    expect(posts.held()).toBe(1);
    posts.next();
    await waitFor('the second', () => posts.held() === 2);
    posts.next();
    await taskItem('Second of three').waitFor();
    expect(await field().inputValue()).toBe('Third of three');
    expect((await descriptions()) as string[]).toEqual(
      expect.arrayContaining(['First of three', 'Second of three']) as unknown,
    );
    expect(await view.page.locator('.task').first().innerText()).toContain('Second of three');
  });

  it('gives back what could not be created, beside what is typed by then', async () => {
    await open();
    const posts = await hold('POST');
    await field().fill('Lost on its way');
    await view.page.keyboard.press('Enter');
    await waitFor('the create', () => posts.held() === 1);
    await field().fill('Typed meanwhile');
    posts.next('abort');
    await view.page.locator('#unsent').getByText('“Lost on its way”: The API cannot be reached.').waitFor();
    expect(await field().inputValue()).toBe('Typed meanwhile');
    expect(await accessibilityFaults(view.page)).toEqual([]);
    await screenshot('unsent');
    // Half of a date cannot be set aside with the rest.
    await typeHalfDate('#create-due');
    await view.page.getByRole('button', { name: 'Edit before it is created: Lost on its way' }).click();
    await view.page.getByText('Due: give both a day and a time, or empty it.').waitFor();
    expect(await field().inputValue()).toBe('Typed meanwhile');
    await view.page.locator('#create-due').fill('');
    // Into the form, in exchange for what is there, and both on their way again.
    await view.page.getByRole('button', { name: 'Edit before it is created: Lost on its way' }).click();
    expect(await field().inputValue()).toBe('Lost on its way');
    await view.page.getByRole('button', { name: 'Try again: Typed meanwhile' }).click();
    await waitFor('the next create', () => posts.held() === 2);
    posts.next();
    await taskItem('Typed meanwhile').waitFor();
    await field().press('Enter');
    await waitFor('the last create', () => posts.held() === 3);
    posts.next();
    await taskItem('Lost on its way').waitFor();
    expect(await view.page.locator('#unsent > li').count()).toBe(0);
    expect(view.forgive('net::ERR_FAILED')).toBe(1);
  });

  it('makes one task of a double press', async () => {
    await open();
    await field().fill('Press me once');
    await view.page.getByRole('button', { name: 'Create' }).dblclick();
    await taskItem('Press me once').waitFor();
    expect(await view.page.locator('#create-problem').innerText()).toBe('');
    const all = (await descriptions()) as string[];
    expect(all.filter((text) => text === 'Press me once').length).toBe(1);
  });
});

describe('a search', () => {
  it('follows what is typed, and is one step of Back', async () => {
    await createTask(view.api, 'Varnish the table');
    await createTask(view.api, 'Varnish the chairs');
    await view.pipeline.converged();
    await open();
    await view.page.getByLabel('Search', { exact: true }).click();
    await view.page.keyboard.type('varnish', { delay: 60 });
    await view.page.locator('#tasks-count', { hasText: '2 found' }).waitFor();
    await view.page.keyboard.type(' tabl', { delay: 60 });
    await view.page.locator('#tasks-count', { hasText: '1 found' }).waitFor();
    expect(new URL(view.page.url()).searchParams.get('q')).toBe('varnish tabl');
    await view.page.goBack();
    await view.page.locator('#tasks-count', { hasText: 'newest first' }).waitFor();
    expect(await view.page.getByLabel('Search', { exact: true }).inputValue()).toBe('');
    expect(await view.page.locator('#clear-search').isVisible()).toBe(false);
  });

  it('says next to its button why no more could be shown', async () => {
    const operations = Array.from({ length: 12 }, (_, i) => ({ op: 'create', task: { description: `Seed ${i}` } }));
    expect((await call(view.api, 'POST', '/tasks/batch', { operations })).status).toBe(200);
    await open();
    await view.page.route('**/tasks?limit=10&cursor=**', (route) => route.abort(), { times: 1 });
    await view.page.locator('#more').click();
    await view.page.locator('#more-problem', { hasText: 'The API cannot be reached. Try again.' }).waitFor();
    await view.page.locator('#more').click();
    await waitFor('more', async () => (await view.page.locator('.task').count()) > 10);
    expect(await view.page.locator('#more-problem').innerText()).toBe('');
    expect(view.forgive('net::ERR_FAILED')).toBe(1);
  });

  it('on a phone folds its filters, and says how many are set', async () => {
    await open({ viewport: PHONE, path: '/console?priority=high&overdue=true' });
    const filters = view.page.getByRole('button', { name: 'Filters: 2' });
    await filters.waitFor();
    expect(await view.page.locator('#search-priority').isVisible()).toBe(false);
    await filters.click();
    expect(await view.page.locator('#search-priority').isVisible()).toBe(true);
    const details = view.page.getByRole('button', { name: 'Details' });
    await details.click();
    // What it opens stands below it.
    const { y = 0, height = 0 } = (await details.boundingBox()) ?? {};
    expect((await view.page.locator('#create-priority').boundingBox())?.y).toBeGreaterThan(y + height);
    // A day and a time have room.
    expect((await view.page.locator('#create-due').boundingBox())?.width).toBeGreaterThan(208);
    await view.page.locator('#create-priority').selectOption('low');
    await view.page.getByRole('button', { name: 'Details: 1' }).waitFor();
    await view.page.getByRole('button', { name: 'Clear the search' }).click();
    await view.page.getByRole('button', { name: 'Filters', exact: true }).waitFor();
  });
});
