import { readdirSync, readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { local } from '../../infra/environments/local.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const kind = read('docs/kind.md');
const pages = [
  'docs/kind.md',
  'docs/gitops.md',
  ...readdirSync(join(root, 'docs/runbooks')).map((page) => `docs/runbooks/${page}`),
];

/** The shell commands of a page, block by block; blocks inside a list are indented. */
const blocksOf = (page: string): string[] =>
  [...read(page).matchAll(/^( *)```sh\n([^]*?)^\1```$/gm)].map(([, indent = '', text = '']) =>
    text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );

describe('the kind page', () => {
  const [, config = ''] = /--config -\n([^]*?)\nEOT/.exec(kind) ?? [];
  const { nodes } = parse(config) as {
    nodes: { extraPortMappings: { containerPort: number; hostPort: number; listenAddress?: string }[] }[];
  };
  const mappings = nodes.flatMap(({ extraPortMappings }) => extraPortMappings);

  it('lets only this machine in, as the console has no login', () => {
    expect(local.console).toBe(true);
    expect(mappings.map(({ listenAddress }) => listenAddress)).toEqual(['127.0.0.1']);
    // Ports of containers beside the cluster too.
    const published = [...kind.matchAll(/--publish (\S+)/g)].map(([, value]) => value);
    expect(published.filter((value) => !value?.startsWith('127.0.0.1:'))).toEqual([]);
  });

  it('leads to the port of the ingress controller', () => {
    const { traefik } = parse(read('charts/operators/values.yaml')) as {
      traefik: { ports: { web: { nodePort: number } } };
    };
    expect(mappings.map(({ containerPort }) => containerPort)).toEqual([traefik.ports.web.nodePort]);
  });

  it('has a registry that Skaffold pushes to when it finds it, instead of copying images into the node', () => {
    expect(kind).toContain('local-registry-hosting');
    expect(read('skaffold.yaml')).not.toContain('push: false');
  });

  it('gives a first start half an hour in every way of bringing it up', () => {
    const timeouts = ['docs/kind.md', 'Tiltfile', 'skaffold.yaml']
      .map(read)
      .flatMap((text) => [...text.matchAll(/(?:wait (?:data-plane|all)|data-plane,).*?--timeout,? '?(\d+)/g)])
      .map(([, seconds]) => Number(seconds));
    // `wait all -n taskstream --timeout 600` of the page's fourth step looks at what is up already.
    expect(timeouts.sort((a, b) => a - b)).toEqual([600, 1_800, 1_800, 1_800]);
  });
});

describe.each(pages)('the commands of %s', (page) => {
  const blocks = blocksOf(page);

  it('are valid shell', () => {
    for (const block of blocks) {
      const { status, stderr } = spawnSync('bash', ['-n'], { input: block, encoding: 'utf8' });
      expect([status, stderr], block).toEqual([0, '']);
    }
  });

  it('run scripts of this project that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Readonly<Record<string, string>> };
    for (const [, script = ''] of blocks.join('\n').matchAll(/npm run (?:--silent )?([\w:]+)/g)) {
      expect(scripts, script).toHaveProperty([script]);
    }
  });
});
