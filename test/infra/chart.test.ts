import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { chartFiles, contentHash } from '../../infra/helm/chart.ts';
import { compare } from '../../infra/helm/compare.ts';
import { LEAST_BACKUP } from '../support/backup.ts';
import { fluxValuesOf } from '../support/flux-values.ts';

const folder = join(import.meta.dirname, '../../charts/taskstream');

it('charts/taskstream is what `npm run chart` makes of infra/ now', () => {
  const wanted = chartFiles();
  const found = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  expect(found.sort()).toEqual([...wanted.keys()].sort());
  for (const [path, text] of wanted) expect(readFileSync(join(folder, path), 'utf8'), path).toBe(text);
});

it('the version of charts/taskstream changes with its content, in the part of it that Flux leaves alone', () => {
  const { version } = parse(chartFiles().get('Chart.yaml') ?? '') as { version: string };
  const { version: released } = JSON.parse(readFileSync(join(folder, '../../package.json'), 'utf8')) as {
    version: string;
  };
  // With values files, Flux replaces build metadata (`+…`) by a number of its own.
  expect(version).toMatch(new RegExp(`^${released.replaceAll('.', '\\.')}-g[0-9a-f]{8}$`));
  expect(contentHash('one')).not.toBe(contentHash('another'));
});

describe('values files merged as Flux does, which keeps a null', () => {
  const schema = z.fromJSONSchema(JSON.parse(chartFiles().get('values.schema.json') ?? '') as never);
  const errorOf = (values: unknown): string => schema.safeParse(values).error?.message ?? '';

  it.each(['local', 'lab'])('have the schema of the chart with those of %s', (name) => {
    expect(fluxValuesOf(name)).toHaveProperty('ingress.tlsSecret', null);
    expect(errorOf(fluxValuesOf(name))).toBe('');
  });

  it('take null for what may be left out, at any depth', () => {
    const { servers, api, ...values } = fluxValuesOf('local') as { servers: { postgres: object }; api: object };
    const backup = { ...LEAST_BACKUP, checksums: null, overdueHours: null };
    const postgres = { ...servers.postgres, volume: { size: '1Gi', storageClass: null }, walVolume: null, backup };
    expect(errorOf({ ...values, api: { ...api, logLevel: null }, servers: { ...servers, postgres } })).toBe('');
  });

  it('are refused when a setting that must be there is null', () => {
    expect(errorOf({ ...fluxValuesOf('local'), topic: null })).toContain('topic');
    expect(errorOf({ ...fluxValuesOf('local'), ingress: { host: null } })).toContain('host');
  });
});

it('no placeholder is left in a template', () => {
  for (const [path, text] of chartFiles()) expect(text, path).not.toMatch(/zq\d|\b7\d{9}\b/);
});

describe('a tree of variants', () => {
  const axis = (name: string, data: unknown) => ({
    baseCase: 'on',
    others: [{ name: 'off', data }],
    condition: (cases: readonly string[]) => (cases.includes('on') ? name : `not ${name}`),
  });
  const variant = (data: unknown) => [axis('$x', data)];

  it('guards entries and items that an option takes away', () => {
    expect(compare({ a: 1, b: [1, 2] }, variant({ b: [2] }))).toEqual({
      kind: 'map',
      entries: [
        { key: 'a', when: ['$x'], value: { kind: 'leaf', value: 1 } },
        {
          key: 'b',
          when: [],
          value: {
            kind: 'list',
            items: [
              { when: ['$x'], value: { kind: 'leaf', value: 1 } },
              { when: [], value: { kind: 'leaf', value: 2 } },
            ],
          },
        },
      ],
    });
  });

  it('chooses between values that an option changes, and between a list and none', () => {
    const choice = (on: unknown, off: unknown) => ({
      kind: 'choice',
      choices: [
        { when: '$x', value: compare(on, []) },
        { when: undefined, value: compare(off, []) },
      ],
    });
    expect(compare(true, variant(false))).toEqual(choice(true, false));
    expect(compare([1], variant([]))).toEqual(choice([1], []));
  });

  it('has what only another case has, each item behind those that it follows there', () => {
    expect(compare([{ name: 'a' }, { name: 'c' }], variant([{ name: 'a' }, { name: 'b', value: 1 }]))).toEqual({
      kind: 'list',
      items: [
        { when: [], value: compare({ name: 'a' }, []) },
        { when: ['$x'], value: compare({ name: 'c' }, []) },
        { when: ['not $x'], value: compare({ name: 'b', value: 1 }, []) },
      ],
    });
  });

  it('keeps the places of items that one case changes where another case has fewer', () => {
    const cases = (name: string, ...lists: unknown[][]) => lists.map((data) => axis(name, data)) as never;
    const tree = compare(
      [{ a: 1 }, { a: 2 }, { a: 3 }],
      [
        ...cases('$first', [{ a: 9 }, { a: 2 }, { a: 3 }]),
        ...cases('$second', [{ a: 1 }, { a: 8 }, { a: 3 }]),
        ...cases('$third', [{ a: 1 }, { a: 2 }]),
      ],
    );
    expect(tree).toMatchObject({ kind: 'list', items: [{ when: [] }, { when: [] }, { when: ['$third'] }] });
  });

  it('refuses what it has no words for, instead of leaving it out', () => {
    expect(() => compare(1, [...variant(2), axis('$y', 3)])).toThrow('depends on 2 options');
    expect(() => compare({}, [...variant({ a: 1 }), axis('$y', { a: 2 })])).toThrow('a depends on 2 options');
  });
});
