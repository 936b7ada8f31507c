import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { environmentOf } from '../../infra/environments/index.ts';
import { VERSION } from '../../infra/version.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** Versions in the headings of a page, in its order. */
const headings = (text: string): (string | undefined)[] =>
  [...text.matchAll(/^## \[?(\d+\.\d+\.\d+|Unreleased)\b/gm)].map(([, version]) => version);

interface Chart {
  readonly version: string;
  readonly appVersion?: string;
}

describe('a release', () => {
  it('has one version: of the package, its lock file, the charts and the images', () => {
    const lock = JSON.parse(read('package-lock.json')) as { version: string; packages: { '': { version: string } } };
    expect([lock.version, lock.packages[''].version]).toEqual([VERSION, VERSION]);
    // Behind the number a chart has a hash of its content, by which Flux sees a change.
    const charts = ['taskstream', 'operators'].map((name) => parse(read(`charts/${name}/Chart.yaml`)) as Chart);
    for (const { version } of charts) expect(version.replace(/-g[0-9a-f]{8}$/, '')).toBe(VERSION);
    expect(charts[0]?.appVersion).toBe(VERSION);
    const { api, indexer } = environmentOf('production').images;
    for (const image of [api, indexer]) expect(image.split(':').at(-1)).toBe(VERSION);
  });

  it('has an entry in the changelog, newest first below what is not released, and upgrade notes', () => {
    const [unreleased, ...releases] = headings(read('CHANGELOG.md'));
    expect(unreleased).toBe('Unreleased');
    expect(releases[0]).toBe(VERSION);
    expect(headings(read('docs/upgrade.md'))).toEqual(releases);
  });
});
