import { appendFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { apply, changesOf } from '../../infra/init/clone.ts';
import { namesOf, Refusal } from '../../infra/init/names.ts';
import { renamePath, renameText } from '../../infra/init/rules.ts';
import { copyClone, type Clone } from '../support/clone.ts';

const names = { entity: 'order', plural: 'orders', product: 'web-shop' };
const renamed = (text: string, path = 'a.md'): string => renameText(path, text, names).text;

describe('init renames', () => {
  it.each([
    ['task tasks Task Tasks TASK TASKS', 'order orders Order Orders ORDER ORDERS'],
    [
      'createTask(taskId), task_json, TASKS_TOPIC, TASK_INDEX',
      'createOrder(orderId), order_json, ORDERS_TOPIC, ORDER_INDEX',
    ],
    [
      '/tasks/{id} tasks.dlq tasks-000001 tasks.event.created',
      '/orders/{id} orders.dlq orders-000001 orders.event.created',
    ],
    ['taskstream Taskstream TaskstreamError', 'web-shop WebShop WebShopError'],
    [
      'taskstream_outbox_rows taskstream:lag:sum TASKSTREAM_CACHE',
      'web_shop_outbox_rows web_shop:lag:sum WEB_SHOP_CACHE',
    ],
    ["urn:taskstream:problem { taskstream: 'x' }", "urn:web-shop:problem { 'web-shop': 'x' }"],
    [String.raw`'\ntask' '\ntaskstream'`, String.raw`'\norder' '\nweb-shop'`],
  ])('%s', (from, to) => {
    expect(renamed(from)).toBe(to);
  });

  it.each([
    'queueMicrotask microtask multitasking',
    '0x7461736b; "task" in ASCII',
    "'taskstream-local-kafkA'",
    'lab_ctr tasks ls -q',
  ])('not %s', (text) => {
    expect(renamed(text)).toBe(text);
  });

  it('articles too, at the end of a line as well', () => {
    expect(renamed('A task, a `task`, a\n * task; a web of tasks, a taskstream')).toBe(
      'An order, an `order`, an\n * order; a web of orders, a web-shop',
    );
    expect(renamed('A To-Do service')).toBe('An order service');
  });

  it('quotes the column of that name in SQL, where the new one may be a reserved word', () => {
    expect(renamed("SELECT task, task_id, 'task' FROM tasks; -- a task\n", 'a.sql')).toBe(
      `SELECT "order", order_id, 'order' FROM orders; -- an order\n`,
    );
    expect(renamed('const a = { task, sql: `SELECT ${x} task FROM tasks` };', 'a.ts')).toBe(
      'const a = { order, sql: `SELECT ${x} "order" FROM orders` };',
    );
  });

  it('paths', () => {
    expect(renamePath('services/task/migrations/0001_tasks_and_outbox.sql', names)).toBe(
      'services/order/migrations/0001_orders_and_outbox.sql',
    );
    expect(renamePath('charts/taskstream/values.yaml', names)).toBe('charts/web-shop/values.yaml');
  });
});

describe('init refuses', () => {
  const taken = new Map([['event', 'services/pipeline/events.ts']]);
  it.each([
    [{ entity: 'Order', name: 'shop' }, '--entity "Order" must be one word'],
    [{ entity: 'line-item', name: 'shop' }, '--entity "line-item" must be one word'],
    [{ entity: 'class', name: 'shop' }, '--entity "class" is a reserved word of JavaScript'],
    [{ entity: 'event', name: 'shop' }, '--entity "event" has a meaning here already (services/pipeline/events.ts)'],
    [{ entity: 'task', name: 'shop' }, 'Old and new names must differ'],
    [{ entity: 'order', name: 'task-shop' }, 'Old and new names must differ'],
    [{ entity: 'story', name: 'shop' }, 'The plural of "story" is hardly "storys": say it with --plural.'],
    [{ entity: 'sheep', plural: 'sheep', name: 'shop' }, '--plural must differ'],
    [{ entity: 'order', name: 'Web_Shop' }, '--name "Web_Shop" must be'],
    [{ entity: 'order', name: 'a'.repeat(31) }, 'at most 30'],
    [{ entity: 'order', name: 'orders' }, 'give the product a name of its own'],
  ])('%j', (flags, sentence) => {
    const judge = () => namesOf(flags, taken);
    expect(judge).toThrow(Refusal);
    expect(judge).toThrow(sentence);
  });

  it('takes an irregular plural that is given', () => {
    expect(namesOf({ entity: 'story', plural: 'stories', name: 'shop' }, taken)).toEqual({
      entity: 'story',
      plural: 'stories',
      product: 'shop',
    });
  });
});

describe('init moves files', () => {
  it('and leaves no empty folders behind', () => {
    const clone = copyClone((path) => path.startsWith('services/task/'));
    try {
      const changes = changesOf(clone.path, clone.files(), names);
      apply(clone.path, changes);
      expect(readdirSync(join(clone.path, 'services'))).toEqual(['order']);
    } finally {
      clone.remove();
    }
  });
});

// Each starts a process that loads the compiler.
describe('init refuses a clone', { timeout: 180_000 }, () => {
  let clone: Clone;
  afterEach(() => {
    clone.remove();
  });
  const init = () => clone.node('--import', 'tsx', 'infra/init/main.ts', '--entity', 'order', '--name', 'shop');

  it('with changes that git could not bring back, and touches nothing', async () => {
    clone = copyClone((path) =>
      /^(infra\/init|services\/(ops\/cli|platform)\/|services\/task|package\.json|tsconfig)/.test(path),
    );
    appendFileSync(join(clone.path, 'package.json'), '\n');
    const { code, output } = await init();
    expect([code, output]).toEqual([1, expect.stringContaining('commit or stash them first')]);
    expect(clone.git('status', '--porcelain')).toBe(' M package.json\n');
  });

  it('with files that git does not know, by their names: an export that was tried lies there', async () => {
    clone = copyClone((path) =>
      /^(infra\/init|services\/(ops\/cli|platform)\/|services\/task|package\.json|tsconfig)/.test(path),
    );
    appendFileSync(join(clone.path, 'open.csv'), 'description\n');
    const { code, output } = await init();
    expect([code, output]).toEqual([1, expect.stringMatching(/open\.csv.*commit or delete .*move it out/)]);
  });

  it('that was renamed before', async () => {
    clone = copyClone((path) => /^(infra\/init|services\/(ops\/cli|platform)\/|package\.json|tsconfig)/.test(path));
    const { code, output } = await init();
    expect([code, output]).toEqual([1, expect.stringContaining('This clone was renamed before')]);
  });
});
