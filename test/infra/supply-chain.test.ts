import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** What a package that runs in production may be licensed under, and why: none asks for more than its text be kept. */
const LICENCES: Readonly<Record<string, string>> = {
  MIT: 'keep the text',
  'Apache-2.0': 'keep the text and what NOTICE says; with a grant of patents',
  ISC: 'as MIT, in fewer words',
  'BSD-2-Clause': 'keep the text',
  'BSD-3-Clause': 'keep the text, and do not advertise with the names of the authors',
  '0BSD': 'nothing',
  'BlueOak-1.0.0': 'keep the text or a link to it; with a grant of patents',
  'Python-2.0': 'keep the text, and say what was changed',
  Unlicense: 'nothing: public domain',
};

const billSchema = z.object({
  bomFormat: z.literal('CycloneDX'),
  metadata: z.object({ component: z.object({ name: z.string(), purl: z.string() }) }),
  components: z.array(
    z.object({
      name: z.string(),
      version: z.string(),
      purl: z.string().startsWith('pkg:npm/'),
      hashes: z.array(z.object({ alg: z.literal('SHA-512'), content: z.string().length(128) })).min(1),
      licenses: z.array(z.object({ license: z.object({ id: z.string() }) })).optional(),
    }),
  ),
});
const lockSchema = z.object({
  packages: z.record(z.string(), z.object({ version: z.string(), dev: z.boolean().optional() })),
});

describe('the bill of materials', () => {
  const bill = billSchema.parse(
    JSON.parse(execFileSync('npm', ['run', '--silent', 'sbom'], { cwd: root, encoding: 'utf8', maxBuffer: 1e8 })),
  );

  it('names the product, and each package that runs in production with its hash', () => {
    const { name, version } = JSON.parse(read('package.json')) as { name: string; version: string };
    expect(bill.metadata.component).toMatchObject({ name, purl: `pkg:npm/${name}@${version}` });
    const { packages } = lockSchema.parse(JSON.parse(read('package-lock.json')));
    const wanted = Object.entries(packages)
      .filter(([path, { dev }]) => path !== '' && dev !== true)
      .map(([path, found]) => `${path.replace(/^.*node_modules\//, '')}@${found.version}`);
    expect(wanted.length).toBeGreaterThan(100);
    const named = bill.components.map((component) => `${component.name}@${component.version}`);
    expect(new Set(named)).toEqual(new Set(wanted));
  });

  it('has no package without a licence, and none whose licence nobody has agreed to', () => {
    // An expression, such as `MIT OR GPL-2.0`, is no id: a person chooses then.
    const refused = bill.components
      .map(({ name, licenses = [] }) => ({ name, ids: licenses.map(({ license }) => license.id) }))
      .filter(({ ids }) => ids.length === 0 || !ids.every((id) => id in LICENCES));
    expect(refused).toEqual([]);
  });

  it.each(['api', 'indexer'])(
    'is in the image of %s, whose Kafka client is compiled from a package with a hash',
    (service) => {
      const dockerfile = read(`services/${service}/Dockerfile`);
      expect(dockerfile).toContain('node infra/sbom.mjs > sbom.cdx.json');
      expect(dockerfile).toMatch(/^COPY --from=packages \/\S+\/sbom\.cdx\.json sbom\.cdx\.json$/m);
      expect(dockerfile).toMatch(/^ARG KAFKA_CLIENT=source$/m);
      for (const stage of ['kafka-client-source', 'kafka-client-prebuilt', 'base-source', 'base-prebuilt'])
        expect(dockerfile).toMatch(new RegExp(`^FROM \\S+ AS ${stage}$`, 'm'));
      const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, { integrity?: string }> };
      expect(lock.packages['node_modules/@confluentinc/kafka-javascript']?.integrity).toMatch(/^sha512-/);
    },
  );
});

it('images are built on others by digest, each tag by one', () => {
  const named = ['api', 'indexer'].flatMap((service) =>
    [...read(`services/${service}/Dockerfile`).matchAll(/^FROM (\S*:\S+)/gm)].map(([, image = '']) => image),
  );
  expect(named).toHaveLength(8);
  for (const image of named) expect(image).toMatch(/^node:24-bookworm(-slim)?@sha256:[0-9a-f]{64}$/);
  // The tag that builds, and the one that runs.
  expect(new Set(named).size).toBe(2);
});

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<
    Record<
      string,
      {
        readonly if?: string;
        readonly needs?: string;
        readonly 'timeout-minutes': number;
        readonly permissions: Readonly<Record<string, string>>;
        readonly steps: readonly {
          readonly uses?: string;
          readonly run?: string;
          readonly with?: Readonly<Record<string, unknown>>;
        }[];
      }
    >
  >;
}

describe('the workflow of the forge', () => {
  const files = readdirSync(join(root, '.github/workflows'));
  const text = read('.github/workflows/ci.yml');
  const workflow = parse(text) as Workflow;
  const jobs = Object.entries(workflow.jobs);

  it('names each action by the hash of its commit, with the version that it is of', () => {
    expect(files).toEqual(['ci.yml']);
    const uses = [...text.matchAll(/uses: (.*)$/gm)].map(([, what]) => what);
    expect(uses.length).toBeGreaterThan(5);
    for (const what of uses) expect(what).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  it('has no right that a job does not need: only what publishes may write, and only with a tag', () => {
    expect(workflow.permissions).toEqual({});
    for (const [name, { permissions, if: condition = '', steps }] of jobs) {
      const isPublishing = name.startsWith('publish-');
      const writes = { packages: 'write', 'id-token': 'write' };
      expect([name, permissions]).toEqual([name, { contents: 'read', ...(isPublishing ? writes : {}) }]);
      if (isPublishing) expect([name, condition]).toEqual([name, "startsWith(github.ref, 'refs/tags/v')"]);
      const checkouts = steps.filter(({ uses = '' }) => uses.startsWith('actions/checkout@'));
      expect(checkouts.map((step) => step.with?.['persist-credentials'])).toEqual([false]);
    }
    // What a pull request names must not become part of a command.
    const commands = jobs.flatMap(([, { steps }]) => steps.map(({ run = '' }) => run));
    expect(commands.filter((run) => run.includes('${{'))).toEqual([]);
  });

  it('publishes nothing that .ci/run did not pass, and signs what it publishes', () => {
    const { test, 'publish-images': images, 'publish-charts': charts } = workflow.jobs;
    expect(test?.steps.some(({ run = '' }) => run.endsWith('.ci/run'))).toBe(true);
    expect([images?.needs, charts?.needs]).toEqual(['test', 'publish-images']);
    for (const job of [images, charts]) expect(JSON.stringify(job?.steps)).toMatch(/cosign sign --yes/);
    const budget = /^budget_seconds=(\d+)$/m.exec(read('.ci/run'))?.[1];
    expect((test?.['timeout-minutes'] ?? 0) * 60).toBeGreaterThan(Number(budget));
    for (const [, { steps }] of jobs) {
      for (const { with: options = {} } of steps.filter(({ uses = '' }) =>
        uses.startsWith('docker/build-push-action@'),
      ))
        expect(options['platforms']).toBe('linux/amd64,linux/arm64');
    }
  });
});

it('updates of dependencies are proposed, with digests for images and actions, and merged by a person', () => {
  const { extends: presets, packageRules } = JSON.parse(read('.github/renovate.json')) as {
    extends: string[];
    packageRules: {
      description?: string;
      automerge?: boolean;
      matchPackageNames?: string[];
      allowedVersions?: string;
    }[];
  };
  expect(presets).toEqual(
    expect.arrayContaining(['docker:pinDigests', 'helpers:pinGitHubActionDigests', ':automergeDisabled']),
  );
  expect(packageRules.filter(({ description, automerge }) => description === undefined || automerge === true)).toEqual(
    [],
  );
  // A bound that is left behind by its package would say nothing any more.
  const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<string, Record<string, string>>;
  const bounded = packageRules.filter(({ allowedVersions }) => allowedVersions?.startsWith('<'));
  const npm = bounded.flatMap(({ matchPackageNames = [] }) => matchPackageNames).filter((name) => !name.includes(':'));
  for (const name of npm) expect({ ...dependencies, ...devDependencies }).toHaveProperty([name]);
});
