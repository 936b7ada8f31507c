import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

const dockerfile = read('Dockerfile');
/** Its stages by name: what each begins with, and its lines. */
const stages = new Map(
  [...dockerfile.matchAll(/^FROM (\S+) AS (\S+)\n((?:(?!FROM ).*\n)*)/gm)].map(
    ([, base = '', name = '', text = '']) => [name, { base, text }],
  ),
);

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

  it('is in the images, whose Kafka client is compiled from a package with a hash', () => {
    expect(stages.get('dependencies')?.text).toContain('node infra/image/sbom.mjs > sbom.cdx.json');
    expect(stages.get('runtime')?.text).toMatch(/^COPY --from=dependencies .*\/sbom\.cdx\.json \.\/$/m);
    // Without a hash nothing is downloaded.
    expect(dockerfile).toMatch(/^ARG KAFKA_CLIENT_SHA256=$/m);
    expect(stages.get('dependencies')?.base).toBe('kafka-client${KAFKA_CLIENT_SHA256:+-prebuilt}');
    expect(stages.get('runtime')?.base).toBe('base${KAFKA_CLIENT_SHA256:+-prebuilt}');
    expect([...stages.keys()]).toEqual(
      expect.arrayContaining(['kafka-client', 'kafka-client-prebuilt', 'base', 'base-prebuilt']),
    );
    expect(stages.get('kafka-client')?.text).toContain('npm_config_build_from_source=true');
    // With one, it is compared before anything is unpacked, and nothing else may fetch or run in that stage.
    const steps = stages.get('kafka-client-prebuilt')?.text.match(/(?<=^RUN |&& )\S+/gm);
    expect(steps).toEqual(['cd', 'curl', 'echo', 'mkdir', 'tar']);
    expect(stages.get('kafka-client-prebuilt')?.text).toContain('| sha256sum --check --strict');
    const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, { integrity?: string }> };
    expect(lock.packages['node_modules/@confluentinc/kafka-javascript']?.integrity).toMatch(/^sha512-/);
  });
});

describe('the Dockerfile', () => {
  it('builds on others by digest, each named once, and on no frontend that nothing pins', () => {
    const images = [...stages.values()]
      .map(({ base }) => base)
      .filter((base) => base.includes(':') && !base.includes('$'));
    expect(images.map((image) => image.replace(/@.*/, ''))).toEqual(['node:24-bookworm', 'node:24-bookworm-slim']);
    for (const image of images) expect(image).toMatch(/@sha256:[0-9a-f]{64}$/);
    expect(dockerfile).not.toMatch(/^# *syntax *=/m);
  });

  it('lets what production does not need, compiler and types, no further than the stage that compiles', () => {
    const all = [...stages].filter(([, { text }]) => /npm ci(?![^\n]*--omit=dev)/.test(text));
    expect(all.map(([name]) => name)).toEqual(['build']);
    expect([...stages.values()].filter(({ base }) => base === 'build')).toEqual([]);
    const taken = [...dockerfile.matchAll(/^COPY --from=build (\S+)/gm)].map(([, path]) => path);
    expect(taken).toEqual(['/app/build/services']);
  });

  it('installs packages again for a changed list of them, and for nothing else', () => {
    expect(stages.get('tools')?.text).toMatch(/^COPY package.json package-lock.json .\/$/m);
    for (const name of ['build', 'packages']) {
      const [before = ''] = stages.get(name)?.text.split('npm ci') ?? [];
      expect([name, stages.get(name)?.base, before.includes('COPY')]).toEqual([name, 'tools', false]);
    }
  });

  it('ends in an image of each service, and in one whose sources its unprivileged user can change, with new folders', () => {
    for (const service of ['api', 'indexer']) {
      expect(stages.get(service)).toMatchObject({
        base: 'production',
        text: expect.stringContaining(`CMD ["services/${service}/main.js"]`) as string,
      });
      expect(stages.get(`${service}-development`)).toMatchObject({
        base: 'development',
        text: expect.stringContaining(`"services/${service}/main.ts"`) as string,
      });
    }
    // COPY leaves the owner of a folder as it is: so there must be none of this name before.
    expect(stages.get('development')).toMatchObject({ base: 'runtime' });
    expect(stages.get('development')?.text).toMatch(/^COPY --chown=65532:65532 services services$/m);
    expect(stages.get('runtime')?.text).not.toMatch(/^COPY .*services$/m);
    expect(stages.get('runtime')?.text).toMatch(/^USER 65532:65532$/m);
  });

  it('gets all that it copies, and whole folders rather than names in them', () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(?:--\S+ )?(.+) \S+$/gm)].flatMap(
      ([, paths]) => paths?.split(' ') ?? [],
    );
    const sent = [...read('.dockerignore').matchAll(/^!(.*)$/gm)].map(([, path = '']) => path);
    const isSent = (path: string) => sent.some((given) => path === given || path.startsWith(`${given}/`));
    expect(copied.filter((path) => !isSent(path) || !existsSync(join(root, path)))).toEqual([]);
    expect(sent.filter((path) => !copied.includes(path))).toEqual([]);
  });
});

it(
  'what the images leave out of the packages leaves nothing that a process of theirs loads',
  { timeout: 120_000 },
  () => {
    const { packages } = lockSchema.parse(JSON.parse(read('package-lock.json')));
    // On the same file system, for links: the packages have 300 MB.
    const folder = mkdtempSync(join(root, 'node_modules/.prune-'));
    try {
      const outer = Object.entries(packages).filter(
        ([path, { dev }]) =>
          /^node_modules\/(@[^/]+\/)?[^/]+$/.test(path) && dev !== true && existsSync(join(root, path)),
      );
      for (const [path] of outer) {
        mkdirSync(join(folder, path, '..'), { recursive: true });
        execFileSync('cp', ['-al', join(root, path), join(folder, path)]);
      }
      execFileSync(process.execPath, [join(root, 'infra/image/prune.mjs'), join(folder, 'node_modules')]);
      const left = readdirSync(join(folder, 'node_modules'), { recursive: true, encoding: 'utf8' });
      expect(
        left.filter((path) =>
          /\.ts$|\.map$|\/(tests?|specs|examples|test\.js)$|\.(test|spec)\.js$|node-pre-gyp/.test(path),
        ),
      ).toEqual([]);
      // Each of them by its name, as the services import it.
      const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
      const load = `for (const name of ${JSON.stringify(Object.keys(dependencies))}) await import(name);`;
      writeFileSync(join(folder, 'load.mjs'), load);
      execFileSync(process.execPath, [join(folder, 'load.mjs')], { stdio: 'pipe' });
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

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
