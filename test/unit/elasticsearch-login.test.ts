import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@elastic/elasticsearch';
import { expect, it, onTestFinished } from 'vitest';
import { checkedTransport } from '../../services/platform/elasticsearch-answer.ts';
import { elasticsearchEnv, loginOf } from '../../services/platform/elasticsearch.ts';
import { readEnv } from '../../services/platform/env.ts';

const MINUTE_MS = 60_000;

it('the login of before is tried until the renewed one works at all nodes, and then shown to nobody any more', async () => {
  let known = 'one';
  let shown: string[] = [];
  // Elasticsearch's security is not among its published jars.
  const server = createServer(({ headers }, response) => {
    const [, password = ''] = Buffer.from(String(headers.authorization).slice(6), 'base64').toString().split(':');
    shown.push(password);
    response.writeHead(password === known ? 200 : 401, {
      'content-type': 'application/json',
      'x-elastic-product': 'Elasticsearch',
    });
    response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const node = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const folder = mkdtempSync(join(tmpdir(), 'taskstream-login-'));
  const file = join(folder, 'password');
  writeFileSync(file, 'one');
  let nowMs = 0;
  const config = readEnv(elasticsearchEnv, {
    ELASTICSEARCH_URL: node,
    ELASTICSEARCH_USERNAME: 'user',
    ELASTICSEARCH_PASSWORD_FILE: file,
  });
  const client = new Client({
    node,
    Transport: checkedTransport(
      10_000,
      loginOf(config, () => nowMs),
    ),
    maxRetries: 0,
  });
  onTestFinished(async () => {
    await client.close();
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true });
  });
  /** The passwords of a request, at a node that knows one of them. */
  const ask = async (password: string): Promise<readonly string[]> => {
    [known, shown] = [password, []];
    await client.info();
    return shown;
  };
  expect(await ask('one')).toEqual(['one']);

  writeFileSync(file, 'two');
  nowMs += 2_000;
  expect(await ask('one')).toEqual(['two', 'one']);
  // A server may get it much later.
  nowMs += 60 * MINUTE_MS;
  expect(await ask('one')).toEqual(['two', 'one']);
  expect(await ask('two')).toEqual(['two']);
  // So may another node than the one that has it.
  nowMs += MINUTE_MS;
  expect(await ask('one')).toEqual(['two', 'one']);

  nowMs += 5 * MINUTE_MS;
  expect(await ask('two')).toEqual(['two']);
  await expect(ask('one')).rejects.toThrow();
  expect(shown).toEqual(['two']);
});
