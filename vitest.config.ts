import { defineConfig } from 'vitest/config';

/**
 * Integration tests that say something of time, rates, memory or a machine's load: each has the two cores and the three
 * servers for itself. Most others wait for a server or for a clock, so two of them run side by side.
 */
const ALONE = [
  'api-errors',
  'api-owners',
  'api-readiness',
  'api-stop',
  'embedded-servers',
  'failover',
  'forgotten-brokers',
  'freshness',
  'indexer-lag-memory',
  'indexer-stop',
  'local-cluster',
  'ops-lag',
  'postgres-pool',
  'producer',
  'reindex-load',
  'relay',
  'start',
  'stepped-clock',
  'verify-rounds',
].map((name) => `test/integration/${name}.test.ts`);

/**
 * Levels: `unit` and `infra` (the manifests) need no server, `cluster` a Kubernetes, `browser` a Chromium, `alerts` a
 * Prometheus, `go` a Go; all but the first three run against real servers, which their global setup starts and stops.
 */
export default defineConfig({
  test: {
    // The last line of a run is `N passed, N failed`.
    reporters: ['default', './test/support/summary-reporter.ts'],
    // The servers stop gracefully; a first stop also writes their class data archives.
    teardownTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          testTimeout: 20_000,
          hookTimeout: 180_000,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'infra',
          include: ['test/infra/**/*.test.ts'],
          // A chart or a copy of the clone takes seconds, and more beside another file.
          testTimeout: 60_000,
          // Some copy the clone first.
          hookTimeout: 180_000,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'alerts',
          include: ['test/alerts/**/*.test.ts'],
          globalSetup: ['test/support/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 180_000,
          maxWorkers: 1,
          sequence: { groupOrder: 3 },
        },
      },
      {
        extends: true,
        test: {
          name: 'cluster',
          include: ['test/cluster/**/*.test.ts'],
          globalSetup: ['test/cluster/support/setup.ts'],
          testTimeout: 400_000,
          hookTimeout: 180_000,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          // The same pods, of images that Docker built.
          name: 'image',
          include: ['test/cluster/image.test.ts', 'test/cluster/pipeline.test.ts'],
          globalSetup: ['test/cluster/support/setup.ts'],
          testTimeout: 400_000,
          hookTimeout: 180_000,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          globalSetup: ['test/support/global-setup.ts'],
          testTimeout: 240_000,
          hookTimeout: 120_000,
          maxWorkers: 1,
          sequence: { groupOrder: 3 },
        },
      },
      {
        extends: true,
        test: {
          name: 'go',
          include: ['test/go/**/*.test.ts'],
          globalSetup: ['test/support/global-setup.ts'],
          // The first run compiles the generator and all that it needs.
          testTimeout: 600_000,
          hookTimeout: 180_000,
          maxWorkers: 1,
          sequence: { groupOrder: 3 },
        },
      },
      {
        extends: true,
        test: {
          name: 'pooler',
          include: ['test/pooler/**/*.test.ts'],
          globalSetup: ['test/support/global-setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          maxWorkers: 1,
          sequence: { groupOrder: 3 },
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          exclude: ALONE,
          globalSetup: ['test/support/global-setup.ts'],
          testTimeout: 300_000,
          hookTimeout: 180_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'integration-alone',
          include: ALONE,
          globalSetup: ['test/support/global-setup.ts'],
          testTimeout: 300_000,
          hookTimeout: 180_000,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
