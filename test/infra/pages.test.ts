import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { createApp } from '../../infra/app.ts';
import { environments } from '../../infra/environments/index.ts';
import { local } from '../../infra/environments/local.ts';
import { messageOf } from '../../services/platform/errors.ts';
import { WITH_EXPORTER } from '../support/server-options.ts';
import { commandsOf } from '../support/shell.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const kind = read('docs/kind.md');
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  '.github/SECURITY.md',
  'test/cluster/lab/README.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((page) => page.endsWith('.md'))
    .map((page) => `docs/${page}`),
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

/** Each command that `ops` has. Nothing is carried out: a line is only read, by the parser that users meet. */
const ops = new Command('ops').exitOverride().configureOutput({ writeErr: () => undefined, writeOut: () => undefined });
/** What `--help` of a script with arguments says. */
const helps = new Map<string, string>();
const helpOf = (script: string): string => {
  const known = helps.get(script);
  if (known !== undefined) return known;
  const args = ['infra/local/bootstrap.mjs', script, '--help'];
  const help = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' }).stdout;
  helps.set(script, help);
  return help;
};

beforeAll(async () => {
  const known = helpOf('ops');
  for (const folder of readdirSync(join(root, 'services/ops'), { withFileTypes: true })) {
    const path = join(root, 'services/ops', folder.name, 'command.ts');
    if (!folder.isDirectory() || !existsSync(path)) continue;
    const module = (await import(path)) as Readonly<Record<string, () => Command>>;
    for (const make of Object.values(module).filter((made) => made.name === `${folder.name}Command`)) {
      expect(known).toMatch(new RegExp(`^ +${folder.name} `, 'm'));
      ops.addCommand(make());
    }
  }
  const quiet = (command: Command): void => {
    command.copyInheritedSettings(ops).action(() => undefined);
    command.commands.forEach(quiet);
  };
  ops.commands.forEach(quiet);
}, 120_000);

/** What is wrong with the words behind `ops`. Prose names a command without what it must be given. */
const faultOfOps = async (args: readonly string[], isProse: boolean): Promise<string | undefined> => {
  if (args.length === 0 || /^(\$@|…|--help)$/.test(args[0] ?? '')) return undefined;
  try {
    await ops.parseAsync(args, { from: 'user' });
    return undefined;
  } catch (error) {
    const code = error instanceof CommanderError ? error.code : '';
    if (code === 'commander.helpDisplayed') return undefined;
    if (isProse && /^commander\.(help|missing\w+|optionMissingArgument)$/.test(code)) return undefined;
    return messageOf(error);
  }
};

const { scripts } = JSON.parse(read('package.json')) as { scripts: Readonly<Record<string, string>> };
const faultOfNpm = async ([verb = '', ...rest]: readonly string[], isProse: boolean): Promise<string | undefined> => {
  if (verb !== 'run' && verb !== 'start' && verb !== 'test') return undefined;
  const words = verb === 'run' ? rest.filter((word) => !/^(-s|--silent)$/.test(word)) : [verb, ...rest];
  const [script = '', dashes, ...args] = words;
  if (!(script in scripts)) return `there is no script ${script}`;
  if (dashes !== undefined && dashes !== '--') return `npm keeps ${dashes} for itself: -- is missing`;
  if (script === 'ops') return faultOfOps(args, isProse);
  if (script === 'synth') return args.every((name) => name in environments) ? undefined : 'no such environment';
  // Options, and the names that one of a few must be.
  const names = args.filter((word, at) => word.startsWith('--') || (script === 'bench' && at > 0));
  const unknown = names.filter((name) => !new RegExp(`(?<![\\w-])${name}(?![\\w-])`).test(helpOf(script)));
  return unknown.length === 0 ? undefined : `its help does not know ${unknown.join(' ')}`;
};

const testFiles = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' });
const faultOfVitest = (args: readonly string[]): string | undefined => {
  const files = args.filter((word, at) => !word.startsWith('-') && !(args[at - 1] ?? '').startsWith('-'));
  const unknown = files.filter((part) => !testFiles.some((file) => `test/${file}`.includes(part)));
  return unknown.length === 0 ? undefined : `no test file is ${unknown.join(' ')}`;
};

/** A cluster's objects as the pages name them: those of the environment that has most of them. */
const manifests = (() => {
  const outdir = mkdtempSync(join(tmpdir(), 'taskstream-pages-'));
  createApp(WITH_EXPORTER, outdir).synth();
  const files = readdirSync(outdir);
  const text = files.map((file) => readFileSync(join(outdir, file), 'utf8')).join('\n---\n');
  rmSync(outdir, { recursive: true });
  const objects = parseAllDocuments(text).map(
    (document) => document.toJS() as { kind: string; metadata: { name: string } } | null,
  );
  const named = new Map<string, string[]>();
  for (const object of objects) {
    const kind = object?.kind.toLowerCase() ?? '';
    named.set(kind, [...(named.get(kind) ?? []), object?.metadata.name ?? '']);
  }
  return { files, text, named };
})();
const KUBECTL_SHORT: Readonly<Record<string, string>> = { hpa: 'horizontalpodautoscaler' };
const faultOfKubectl = (words: readonly string[]): string | undefined => {
  const pairs = words.flatMap((word, at) => {
    const [kind = '', name = words[at + 1] ?? ''] = word.split('/');
    return [{ kind: KUBECTL_SHORT[kind] ?? kind, name }];
  });
  const unknown = pairs.find(
    // What operators make has names after these, and Secrets are mostly theirs.
    ({ kind, name }) =>
      kind !== 'secret' && /^taskstream\b/.test(name) && manifests.named.get(kind)?.includes(name) === false,
  );
  if (unknown !== undefined) return `there is no ${unknown.kind} ${unknown.name}`;
  const labels = words.flatMap((word) => [...word.matchAll(/(app\.kubernetes\.io\/[\w-]+)=([\w-]+)/g)]);
  const label = labels.find(([, key = '', value = '']) => !manifests.text.includes(`${key}: ${value}\n`));
  return label && `nothing has the label ${label[0]}`;
};

/** Of a file or folder of this repository, or of what `synth` writes. The images have compiled files. */
const faultOfPath = (word: string): string | undefined => {
  const [path = ''] = /(?<![\w/.-])(?:services|infra|charts|docs|test|dist|\.github|\.ci)\/[\w./-]+/.exec(word) ?? [];
  if (path === '' || existsSync(join(root, path.replace(/\.js$/, '.ts')))) return undefined;
  const [, environment = '', file] = /^dist\/([\w-]+)(?:\/(.*))?$/.exec(path) ?? [];
  const isWritten = environment in environments && (file === undefined || manifests.files.includes(file));
  return isWritten ? undefined : `there is no ${path}`;
};

const faultsOf = async (shell: string, isProse = false): Promise<string[]> => {
  const faults: string[] = [];
  for (const words of commandsOf(shell)) {
    const [tool = '', ...args] = words;
    const found = [
      tool === 'ops' ? await faultOfOps(args, isProse) : undefined,
      tool === 'npm' ? await faultOfNpm(args, isProse) : undefined,
      tool === 'npx' && args[0] === 'vitest' ? faultOfVitest(args.slice(2)) : undefined,
      tool === 'kubectl' ? faultOfKubectl(args) : undefined,
      ...words.map(faultOfPath),
    ];
    faults.push(...found.flatMap((fault) => (fault === undefined ? [] : [`${words.join(' ')}: ${fault}`])));
  }
  return faults;
};

describe.each(pages)('the commands of %s', (page) => {
  const blocks = blocksOf(page);
  const prose = read(page).replaceAll(/^( *)```\w*\n[^]*?^\1```$/gm, '');
  const inline = [...prose.matchAll(/`((?:npm|npx|ops|kubectl) [^`\n]+)`/g)].map(([, code = '']) => code);

  it('are valid shell', () => {
    for (const block of blocks) {
      const { status, stderr } = spawnSync('bash', ['-n'], { input: block, encoding: 'utf8' });
      expect([status, stderr], block).toEqual([0, '']);
    }
  });

  it('name scripts, commands, options, files and objects that exist', { timeout: 120_000 }, async () => {
    const faults: string[] = [];
    for (const block of blocks) faults.push(...(await faultsOf(block)));
    for (const code of inline) faults.push(...(await faultsOf(code, true)));
    expect(faults).toEqual([]);
  });
});

it.each([
  ['npm run sets', 'there is no script sets'],
  ['npm run ops -- verify --mend', "error: unknown option '--mend'"],
  ['ops dlq lst', "error: too many arguments for 'dlq'. Expected 0 arguments but got 1."],
  ['ops relay hold && npm start --fresh', 'npm keeps --fresh for itself: -- is missing'],
  ['npm run bench -- --only relays', 'its help does not know relays'],
  ['npx vitest run --project unit no-such', 'no test file is no-such'],
  ['kubectl -n taskstream get deployment taskstream-apis', 'there is no deployment taskstream-apis'],
  ['kubectl get pods -l app.kubernetes.io/name=other', 'nothing has the label app.kubernetes.io/name=other'],
  ['kubectl apply -f dist/production/0001-data.yaml', 'there is no dist/production/0001-data.yaml'],
  ['VALUES=1 helm lint "charts/taskstreams"', 'there is no charts/taskstreams'],
])('a page that said `%s` would be found', { timeout: 120_000 }, async (command, fault) => {
  const [found = '', ...others] = await faultsOf(command);
  expect([found.replace(/^.*?: /, '').split('\n')[0], others]).toEqual([fault, []]);
});
