import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { announceStack, exportLines, runningStack, withStack } from '../../infra/local/bootstrap/running.mjs';

const VARIABLES = {
  DATABASE_URL: 'postgres://here/db',
  KAFKA_BROKERS: 'here:9092',
  ELASTICSEARCH_URL: 'http://here:9200',
  KAFKA_TLS: 'true',
};

describe('the record of the running stack', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'taskstream-running-'));
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  it('leads to the process that wrote it, and is for the eyes of its owner alone', () => {
    expect(runningStack(root)).toBeUndefined();
    announceStack(root, null);
    expect(runningStack(root)).toMatchObject({ pid: process.pid, variables: null });
    announceStack(root, VARIABLES);
    expect(runningStack(root)).toMatchObject({ pid: process.pid, variables: VARIABLES });
    expect(statSync(join(root, '.data/start.json')).mode & 0o077).toBe(0);
  });

  it('is not believed where the process is gone, another has its id, or the file is no record', () => {
    announceStack(root, VARIABLES);
    const record = { ...runningStack(root) };
    const write = (text: string) => {
      writeFileSync(join(root, '.data/start.json'), text);
    };
    write(JSON.stringify({ ...record, bornAt: 'earlier' }));
    expect(runningStack(root)).toBeUndefined();
    write(JSON.stringify({ ...record, pid: 2 ** 30 }));
    expect(runningStack(root)).toBeUndefined();
    write('{"pid":');
    expect(runningStack(root)).toBeUndefined();
    write('null');
    expect(runningStack(root)).toBeUndefined();
  });
});

describe('the environment of a command beside the stack', () => {
  it('has the variables of the stack, below those that are set', () => {
    expect(withStack({ PATH: '/bin', KAFKA_TLS: 'false', KAFKA_BROKERS: '' }, VARIABLES)).toEqual({
      ...VARIABLES,
      PATH: '/bin',
      KAFKA_TLS: 'false',
    });
    expect(withStack({ PATH: '/bin' }, undefined)).toEqual({ PATH: '/bin' });
  });

  it('has none of them where it names a server: one system is never judged by the other', () => {
    for (const name of ['DATABASE_URL', 'DATABASE_URL_FILE', 'KAFKA_BROKERS', 'ELASTICSEARCH_URL'])
      expect(withStack({ [name]: 'elsewhere' }, VARIABLES)).toEqual({ [name]: 'elsewhere' });
  });
});

it('variables come through a shell as they are', () => {
  const value = `it's "$HOME" \`id\` \\ end`;
  const script = `${exportLines({ VALUE: value }).join('\n')}\nprintenv VALUE`;
  expect(execFileSync('sh', ['-c', script], { encoding: 'utf8' })).toBe(`${value}\n`);
});
