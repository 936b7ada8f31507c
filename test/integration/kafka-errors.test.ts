import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { findJdk } from '../../infra/local/bootstrap/jdk.mjs';
import { kafkaHome } from '../../infra/local/jars.ts';
import { PASSING_ANSWERS } from '../../services/platform/retry.ts';

it('the answers of a broker that are taken for passing are those that Kafka takes for it', async () => {
  const jdk = findJdk();
  const { classpath } = await kafkaHome(jdk);
  const program = join(import.meta.dirname, '../support/RetriableErrors.java');
  const { stdout } = await promisify(execFile)(jdk.java, ['-cp', classpath, program]);
  expect([...PASSING_ANSWERS]).toEqual(stdout.trim().split('\n').map(Number));
});
