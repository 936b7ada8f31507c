import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { createApp } from '../../infra/app.ts';
import { local } from '../../infra/environments/local.ts';

interface Config {
  readonly apiVersion: string;
  readonly metadata: { readonly name: string };
  readonly requires?: readonly { readonly configs: readonly string[] }[];
  readonly build?: {
    readonly artifacts: readonly { readonly image: string; readonly docker: { target: string } }[];
    readonly local: { readonly useBuildkit: boolean };
  };
  readonly deploy: {
    readonly kubeContext: string;
    readonly helm?: {
      readonly releases: readonly { readonly chartPath: string; readonly skipBuildDependencies: boolean }[];
      readonly hooks: { readonly before: readonly { readonly host: { readonly command: readonly string[] } }[] };
    };
  };
  readonly manifests?: { readonly rawYaml: readonly string[] };
}
const root = join(import.meta.dirname, '../..');
const configsOf = (file: string): Config[] =>
  parseAllDocuments(readFileSync(join(root, file), 'utf8')).map((document) => document.toJS() as Config);
const configs = configsOf('skaffold.yaml');
const operators = configsOf('skaffold.operators.yaml');

it('skaffold.yaml applies every file of the local environment, once and in its order', () => {
  const outdir = mkdtempSync(join(tmpdir(), 'taskstream-synth-'));
  createApp(local, outdir).synth();
  const files = readdirSync(outdir).sort();
  rmSync(outdir, { recursive: true });
  expect(configs.flatMap(({ manifests }) => manifests?.rawYaml ?? [])).toEqual(
    files.map((file) => `dist/local/${file}`),
  );
});

it('skaffold.yaml has one step after the other', () => {
  const names = configs.map(({ metadata }) => metadata.name);
  expect(configs.map(({ requires }) => requires?.[0]?.configs)).toEqual([
    undefined,
    ...names.slice(0, -1).map((name) => [name]),
  ]);
});

it('the operators have a configuration of their own, so that the end of `skaffold dev` does not take them away', () => {
  expect(configs.flatMap(({ deploy }) => deploy.helm?.releases ?? [])).toEqual([]);
  const [release] = operators.flatMap(({ deploy }) => deploy.helm?.releases ?? []);
  expect(release).toMatchObject({ chartPath: 'charts/operators', namespace: 'operators' });
});

it('the dependencies of the operators are fetched by what works each time, and not by Skaffold', () => {
  const [helm] = operators.map(({ deploy }) => deploy.helm);
  expect(helm?.releases.map(({ skipBuildDependencies }) => skipBuildDependencies)).toEqual([true]);
  expect(helm?.hooks.before.map(({ host }) => host.command)).toEqual([
    ['helm', 'dependency', 'update', 'charts/operators'],
  ]);
});

it('every step deploys to the context of the kind page, and to no other', () => {
  const contexts = [...operators, ...configs].map(({ deploy }) => deploy.kubeContext);
  expect(new Set(contexts)).toEqual(new Set(['kind-taskstream']));
});

it('skaffold.yaml builds the images that the manifests name, each once and by BuildKit, from targets that exist', () => {
  const artifacts = configs.flatMap(({ build }) => build?.artifacts ?? []);
  expect(artifacts.map(({ image }) => image).sort()).toEqual(
    [local.images.api, local.images.indexer].map((image) => image.replace(/:.*/, '')).sort(),
  );
  const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
  for (const { image, docker } of artifacts) {
    expect(image).toBe(`taskstream/${docker.target}`);
    expect(dockerfile).toMatch(new RegExp(`^FROM production AS ${docker.target}$`, 'm'));
  }
  expect(configs.flatMap(({ build }) => (build === undefined ? [] : [build.local.useBuildkit]))).toEqual([true, true]);
});
