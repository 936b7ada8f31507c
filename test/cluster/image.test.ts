import { randomUUID } from 'node:crypto';
import { expect, inject, it } from 'vitest';
import { deleteNamespace, mustKubectl } from './support/cluster.ts';

/** Prints what the image has below /app that it should not, and by whom it can be changed. */
const LOOK = `
  const fs = require('fs');
  const paths = fs.readdirSync('/app', { recursive: true });
  console.log(JSON.stringify({
    user: process.getuid(),
    files: paths.length > 1_000,
    sources: paths.filter((path) => /\\.[cm]?tsx?$/.test(path)),
    tests: paths.filter((path) => /\\.(test|spec)\\.[cm]?js$|(^|\\/)(__tests__|tests?|specs)$/.test(path)),
    tools: paths.filter((path) => /(^|\\/)(typescript|eslint|vitest|node-pre-gyp|\\.bin)$/.test(path)),
    writable: paths.filter((path) => { try { fs.accessSync('/app/' + path, fs.constants.W_OK); return true; } catch { return false; } }),
    client: typeof require('/app/node_modules/@confluentinc/kafka-javascript').Producer,
  }));`;

it.for(['api', 'indexer'] as const)(
  'the image of %s holds no TypeScript, test or tool, and nothing that its user can change',
  async (service) => {
    const namespace = `test-${randomUUID().slice(0, 8)}`;
    await mustKubectl(['create', 'namespace', namespace]);
    try {
      const image = inject('images')[service];
      const pod = [
        'run',
        'look',
        '--image',
        image,
        '--image-pull-policy=IfNotPresent',
        '--restart=Never',
        '--command',
        '--',
      ];
      await mustKubectl(['-n', namespace, ...pod, 'node', '-e', LOOK]);
      await mustKubectl([
        ...['-n', namespace, 'wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/look', '--timeout=90s'],
      ]);
      expect(JSON.parse(await mustKubectl(['-n', namespace, 'logs', 'look']))).toEqual({
        user: 65_532,
        files: true,
        sources: [],
        tests: [],
        tools: [],
        writable: [],
        client: 'function',
      });
    } finally {
      await deleteNamespace(namespace);
    }
  },
);
