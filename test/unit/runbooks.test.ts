import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ruleGroups } from '../../infra/alerts/index.ts';
import { isAlert } from '../../infra/alerts/rule.ts';
import { alertTable } from '../../infra/alerts/table.ts';
import { DASHBOARD_ROWS } from '../../infra/dashboards/index.ts';

const folder = join(import.meta.dirname, '../../docs/runbooks');
const read = (page: string): string => readFileSync(join(folder, `${page}.md`), 'utf8');
const pages = readdirSync(folder).map((file) => file.replace(/\.md$/, ''));
const runbooks = pages.filter((page) => page !== 'README');
const alerts = ruleGroups('any')
  .flatMap((group) => group.rules)
  .filter(isAlert);

/** Cells of a table, however wide its columns are. */
const cellsOf = (table: string): string[][] =>
  table
    .split('\n')
    .filter((line) => line.startsWith('|') && !line.startsWith('| -'))
    .map((line) => line.split('|').map((cell) => cell.trim()));

describe('the runbooks', () => {
  it.each(alerts)('$alert has a page that names it at the top', ({ alert, runbook }) => {
    const [, names = ''] = /^\*\*Alerts:\*\* (.*)$/m.exec(read(runbook)) ?? [];
    expect(names).toContain(`\`${alert}\``);
  });

  it.each(runbooks)('%s says what users notice, how to check, what to do, when it is done, and why', (page) => {
    const headings = [...read(page).matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
    const wanted = ['What users notice', 'Check', 'Do', 'Done when', 'Why it works'];
    expect(headings.filter((heading) => wanted.includes(heading ?? ''))).toEqual(wanted);
  });

  it.each(pages)('%s names only alerts and panels that are there', (page) => {
    const names = alerts.map(({ alert }) => alert);
    for (const [name] of read(page).matchAll(/Taskstream[A-Z]\w+/g)) expect(names).toContain(name);
    const titles = DASHBOARD_ROWS.flatMap(({ panels }) => panels.map(({ title }) => title.split(',')[0]));
    for (const [, title] of read(page).matchAll(/panels? _([^_]+)_/g)) expect(titles).toContain(title);
  });

  it('are all in the index, and so is every alert with its page', () => {
    const index = read('README');
    for (const page of runbooks) expect(index).toContain(`[${page}](${page}.md)`);
    const rows = cellsOf(index).map((cells) => cells.join('|'));
    for (const row of cellsOf(alertTable())) expect(rows).toContain(row.join('|'));
  });

  it('are where the panels of the dashboard lead to', () => {
    for (const { title, runbook } of DASHBOARD_ROWS.flatMap(({ panels }) => panels)) {
      if (runbook !== undefined) expect(runbooks, title).toContain(runbook);
    }
  });
});
