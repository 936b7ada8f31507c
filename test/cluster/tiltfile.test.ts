import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { createApp } from '../../infra/app.ts';
import { local } from '../../infra/environments/local.ts';
import { manifestsOf, type Manifest } from '../support/manifests.ts';
import { run } from './support/cluster.ts';

const root = join(import.meta.dirname, '../..');

/**
 * Tilt's functions as far as the Tiltfile uses them: each writes down what it was called with, those that read manifests
 * get them from this process. The interpreter is the one that Tilt is built on.
 */
const standIns = (files: Readonly<Record<string, unknown>>, context: string): string => `
CALLS = []
CONTEXT_NOW = '${context}'
FILES = json.decode(${JSON.stringify(JSON.stringify(files))})
TRIGGER_MODE_MANUAL = 'manual'
def recorded(name):
    def call(*args, **kwargs):
        CALLS.append({'name': name, 'args': args, 'options': kwargs})
        return name
    return call
allow_k8s_contexts = recorded('allow_k8s_contexts')
watch_file = recorded('watch_file')
def local(command, **options):
    CALLS.append({'name': 'local', 'args': [command], 'options': options})
    return command
def k8s_context(): return CONTEXT_NOW
secret_settings = recorded('secret_settings')
read_file = recorded('read_file')
listdir = recorded('listdir')
k8s_yaml = recorded('k8s_yaml')
k8s_resource = recorded('k8s_resource')
local_resource = recorded('local_resource')
docker_build = recorded('docker_build')
def fall_back_on(paths): return {'fall_back_on': paths}
def sync(source, target): return {'sync': [source, target]}
def link(url, name): return url
def port_forward(local_port, container_port, name = '', link_path = ''): return [local_port, container_port]
def decode_yaml_stream(command): return FILES[command.split('/????-')[-1].removesuffix('.k8s.yaml')]
def encode_yaml_stream(objects): return objects
`;

interface Call {
  readonly name: string;
  readonly args: readonly any[];
  readonly options: Readonly<Record<string, any>>;
}

const evaluate = async (subcommand: 'up' | 'down', context = 'kind-taskstream'): Promise<Call[]> => {
  const app = createApp(local, 'unused');
  const files = Object.fromEntries(app.charts.map((chart) => [chart.node.id, chart.toJson() as unknown]));
  const tiltfile = readFileSync(join(root, 'Tiltfile'), 'utf8').replaceAll(
    'config.tilt_subcommand',
    JSON.stringify(subcommand),
  );
  const folder = mkdtempSync(join(tmpdir(), 'taskstream-tilt-'));
  const file = join(folder, 'Tiltfile');
  writeFileSync(file, `${standIns(files, context)}\n${tiltfile}\nprint(json.encode(CALLS))\n`);
  const { code, stdout, stderr } = await run(inject('starlark'), ['-globalreassign', file]);
  rmSync(folder, { recursive: true });
  if (code !== 0) throw new Error(`the Tiltfile fails: ${stderr}`);
  return JSON.parse(stderr || stdout) as Call[];
};

describe('the Tiltfile', () => {
  let calls: Call[];
  beforeAll(async () => {
    calls = await evaluate('up');
  });
  const callsOf = (name: string) => calls.filter((call) => call.name === name);
  const selector = ({ kind, metadata }: Manifest) => `${metadata.name}:${kind.toLowerCase()}`;

  it('gives every object of the local environment to one resource', () => {
    const objects = manifestsOf(local);
    expect(callsOf('k8s_yaml').flatMap(({ args }) => args[0] as Manifest[])).toHaveLength(objects.length);
    const resources = callsOf('k8s_resource');
    const taken = resources.flatMap(({ args, options }) => [...args, ...((options['objects'] ?? []) as string[])]);
    // Tilt itself gives a Service to the workload that it selects.
    const expected = objects
      .filter(({ kind }) => kind !== 'Service')
      .map((object) =>
        ['Deployment', 'Job', 'CronJob'].includes(object.kind) ? object.metadata.name : selector(object),
      );
    expect([...taken].sort()).toEqual([...expected].sort());
  });

  it('brings them up in order: operators, servers, migration, API and indexer', () => {
    const dependencies = new Map(
      [...callsOf('k8s_resource'), ...callsOf('local_resource')].map(({ args, options }) => [
        (options['new_name'] ?? args[0]) as string,
        (options['resource_deps'] ?? []) as string[],
      ]),
    );
    /** Everything that is ready before; fails on a name that does not exist, and on a circle. */
    const before = (name: string, path: readonly string[] = []): Set<string> => {
      if (path.includes(name)) throw new Error(`a circle: ${[...path, name].join(' → ')}`);
      const direct = dependencies.get(name);
      if (direct === undefined) throw new Error(`${path.at(-1) ?? ''} waits for ${name}, which is nothing`);
      return new Set(direct.flatMap((dependency) => [dependency, ...before(dependency, [...path, name])]));
    };
    for (const name of dependencies.keys()) if (name !== 'operators') expect(before(name)).toContain('operators');
    for (const service of ['api', 'indexer']) {
      expect([...before(service)].sort()).toEqual(
        ['operators', 'namespace', 'servers', 'network', 'secrets', 'servers ready', 'migrate'].sort(),
      );
    }
  });

  it('builds the images that the manifests name, with a stage for live updates', () => {
    const images = callsOf('docker_build').map(({ args }) => args[0] as string);
    expect(images).toEqual([local.images.api, local.images.indexer].map((image) => image.replace(/:.*/, '')));
    for (const { options } of callsOf('docker_build')) {
      const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
      expect(dockerfile).toContain(`FROM development AS ${options['target'] as string}\n`);
      expect(options['live_update'][1].sync).toEqual(['services', '/app/services']);
    }
  });

  it('is loaded once for a change: it watches nothing that a load writes', () => {
    // Tilt watches what these name, the Tiltfile, and the Dockerfiles.
    const watched = ['watch_file', 'read_file', 'listdir'].flatMap((name) =>
      callsOf(name).map(({ args }) => args[0] as string),
    );
    const written = 'dist/local/0004-api.k8s.yaml';
    expect(callsOf('local').map(({ args }) => args[0] as string)).toContainEqual(
      expect.stringContaining('synth -- local'),
    );
    expect(watched).toContain('infra');
    expect(watched.filter((path) => written === path || written.startsWith(`${path}/`) || path === '.')).toEqual([]);
  });

  it('runs Jobs at the first start and then by hand: an edit copies files, and neither builds an image nor migrates', () => {
    const modes = new Map(
      callsOf('k8s_resource').map(({ options }) => [options['new_name'] as string, options['trigger_mode'] as unknown]),
    );
    const auto = callsOf('k8s_resource').filter(({ options }) => options['auto_init'] === true);
    for (const job of ['secrets', 'migrate', 'verify', 'reindex']) {
      expect(modes.get(job), job).toBe('manual');
      expect(auto.map(({ options }) => options['new_name'] as string)).toContain(job);
    }
    for (const service of ['api', 'indexer']) expect(modes.get(service), service).toBeUndefined();
  });

  it('lets a service restart at once, without the time that proxies need', () => {
    const [api] = callsOf('k8s_yaml')
      .flatMap(({ args }) => args[0] as Manifest[])
      .filter(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'taskstream-api');
    expect(api?.spec.template.spec.containers[0].env).toContainEqual({ name: 'DRAIN_DELAY_MS', value: '0' });
  });

  it('leaves names of ours readable, as its Secrets have no passwords', () => {
    expect(callsOf('secret_settings').map(({ options }) => options)).toEqual([{ disable_scrub: true }]);
    const secrets = manifestsOf(local).filter(({ kind }) => kind === 'Secret');
    expect(secrets.length).toBeGreaterThan(0);
    for (const { stringData = {}, data = {} } of secrets) {
      expect(Object.keys({ ...stringData, ...data }).filter((key) => /password|token|key/.test(key))).toEqual([]);
    }
  });

  it('refuses another context, before it deletes or applies anything', async () => {
    for (const subcommand of ['up', 'down'] as const) {
      await expect(evaluate(subcommand, 'kind-of-somebody')).rejects.toThrow(
        'The current context is kind-of-somebody, and this Tiltfile is for kind-taskstream',
      );
    }
  });

  it('makes the root file system writable for live updates, and only there', () => {
    const isReadOnly = ({ spec }: Manifest) =>
      spec.template.spec.containers[0].securityContext.readOnlyRootFilesystem as boolean;
    const objects = callsOf('k8s_yaml').flatMap(({ args }) => args[0] as Manifest[]);
    const readOnly = (kind: string) => objects.filter((object) => object.kind === kind).map(isReadOnly);
    expect(readOnly('Deployment')).toEqual([false, false]);
    expect(readOnly('Job')).toEqual([true, true]);
  });

  it('runs `ops` on its own context, whatever the current one is by then', async () => {
    const commands = [...calls, ...(await evaluate('down'))]
      .flatMap(({ args, options }) => [...(args as unknown[]), options['cmd'] as unknown])
      .filter((command) => typeof command === 'string')
      .flatMap((command) => command.split(' && '))
      .filter((command) => command.includes('ops -- '));
    expect(commands.length).toBeGreaterThan(3);
    for (const command of commands) expect(command).toMatch(/ --context kind-taskstream$/);
  });

  it('runs commands that exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
    const commands = calls.flatMap(({ name, args, options }) =>
      name === 'local' ? [args[0] as string] : name === 'local_resource' ? [options['cmd'] as string] : [],
    );
    const used = commands.flatMap((command) =>
      [...command.matchAll(/npm run --silent (\w+)/g)].map(([, script]) => script),
    );
    expect(new Set(used)).toEqual(new Set(['synth', 'ops']));
    for (const script of used) expect(scripts).toHaveProperty(script ?? '');
  });

  it('on the way down first deletes what operators must release', async () => {
    const [first] = (await evaluate('down')).filter(({ name }) => name === 'local');
    expect(first).toMatchObject({
      args: [expect.stringContaining('ops -- teardown -n taskstream --yes')],
    });
  });
});
