import { App } from 'cdk8s';
import { describe, expect, it } from 'vitest';
import { DataPlaneChart } from '../../infra/charts/data-plane.ts';
import { SetupChart } from '../../infra/charts/setup.ts';
import { jobNameOf } from '../../infra/constructs/job-name.ts';
import { environmentOf } from '../../infra/environments/index.ts';
import type { Environment } from '../../infra/environments/schema.ts';
import { ofKind, type Manifest } from '../support/manifests.ts';

type Path = readonly string[];

/** The path of each word, number and flag in an object. */
const leavesOf = (value: unknown, path: Path = []): Path[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([key, inner]) => leavesOf(inner, [...path, key]))
    : [path];

/** A copy in which one leaf is another. */
const changed = <T>(value: T, path: Path): T => {
  const copy = structuredClone(value);
  let parent: any = copy;
  for (const key of path.slice(0, -1)) parent = parent[key];
  const key = path.at(-1) ?? '';
  const before: unknown = parent[key];
  if (typeof before === 'number') parent[key] = before + 1;
  else parent[key] = typeof before === 'boolean' ? !before : `${String(before)}x`;
  return copy;
};

/** Only the chart that they are in: this runs once for each setting. */
const jobsOf = (environment: Environment) => {
  const app = new App({ outdir: 'unused' });
  const { servers } = new DataPlaneChart(app, 'data-plane', environment);
  const objects = new SetupChart(app, 'setup', environment, servers).toJson() as Manifest[];
  return ofKind(objects, 'Job').map(({ metadata, spec }) => ({ name: metadata.name, spec: spec as unknown }));
};

describe.each(['local', 'lab', 'production'])('the Jobs of %s', (name) => {
  const environment = environmentOf(name);
  const jobs = jobsOf(environment);

  it('have another name whenever a setting changes their specification, which cannot be changed in place', () => {
    // The kind of a server and the environment's own name are no settings of a Job.
    const settings = leavesOf(environment).filter((path) => path.join('.') !== 'name' && path.at(-1) !== 'kind');
    const renamedBy = new Set<string>();
    for (const path of settings) {
      for (const { name: now, spec } of jobsOf(changed(environment, path))) {
        const before = jobs.find((job) => job.name === now);
        if (before === undefined) renamedBy.add(path.join('.'));
        else expect(spec, `${now} after a change of ${path.join('.')}`).toEqual(before.spec);
      }
    }
    expect([...renamedBy]).toEqual(
      expect.arrayContaining(['images.api', 'images.pullPolicy', 'index.shards', 'index.replicas']),
    );
    expect([...renamedBy]).not.toContain('images.indexer');
  });

  it('have another name for a change of any field, whatever in the code makes it', () => {
    for (const { name: now, spec } of jobs) {
      const component = now.slice('taskstream-'.length, now.lastIndexOf('-'));
      expect(jobNameOf(component, spec)).toBe(now);
      for (const path of leavesOf(spec))
        expect(jobNameOf(component, changed(spec, path)), path.join('.')).not.toBe(now);
    }
  });

  it('stay when they have ended: a tool that finds one gone would run it again every day', () => {
    expect(jobs.length).toBeGreaterThan(0);
    for (const { spec } of jobs) expect(spec).not.toHaveProperty('ttlSecondsAfterFinished');
  });
});
