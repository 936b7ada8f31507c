import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
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
    readonly artifacts: readonly { readonly image: string; readonly docker: { dockerfile: string } }[];
  };
  readonly manifests?: { readonly rawYaml: readonly string[] };
}
const root = join(import.meta.dirname, '../..');
const text = readFileSync(join(root, 'skaffold.yaml'), 'utf8');
const configs = parseAllDocuments(text).map((document) => document.toJS() as Config);

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

it('skaffold.yaml builds the images that the manifests name, each once, from Dockerfiles that exist', () => {
  const artifacts = configs.flatMap(({ build }) => build?.artifacts ?? []);
  expect(artifacts.map(({ image }) => image).sort()).toEqual(
    [local.images.api, local.images.indexer].map((image) => image.replace(/:.*/, '')).sort(),
  );
  for (const { docker } of artifacts) expect(existsSync(join(root, docker.dockerfile))).toBe(true);
});
