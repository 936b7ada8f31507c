import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { configurationPage } from '../../services/ops/config/tables.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

describe('the documentation', () => {
  it('has every setting of every service, as the code reads it', () => {
    expect(read('docs/configuration.md')).toBe(configurationPage());
  });

  it('names every variable: the code reads none past the tables', () => {
    const page = read('docs/configuration.md');
    const sources = readdirSync(join(root, 'services'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => read(join('services', path)));
    const names = sources.flatMap((source) => [...source.matchAll(/process\.env(?:\.|\[')([A-Z_]+)/g)]);
    for (const [, name] of names) expect(page).toContain(`\`${String(name)}\``);
  });

  it('links only to pages that are there', () => {
    const pages = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', '.github/SECURITY.md'].concat(
      readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.md'))
        .map((path) => join('docs', path)),
    );
    for (const page of pages) {
      for (const [, target] of read(page).matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)) {
        expect(() => readFileSync(join(root, page, '..', String(target)))).not.toThrow(/ENOENT/);
      }
    }
  });

  it('lists every decision in its index', () => {
    const index = read('docs/adr/README.md');
    const decisions = readdirSync(join(root, 'docs/adr')).filter((name) => /^\d{4}-/.test(name));
    for (const name of decisions) expect(index).toContain(`(${name})`);
  });
});
