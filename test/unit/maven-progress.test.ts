import { expect, it } from 'vitest';
import { downloadedBytes } from '../../infra/local/maven.ts';

it.each([
  ['Downloaded from central: repo/lucene-core-10.3.1.jar (4.2 MB at 12 MB/s)', 4_200_000],
  ['[INFO] Downloaded from central: repo/kafka.pom (12 kB at 300 kB/s)', 12_000],
  ['Downloading from central: repo/lucene-core-10.3.1.jar', undefined],
  ['[INFO] BUILD SUCCESS', undefined],
])('reads the size of a fetched file from %j', (line, bytes) => {
  expect(downloadedBytes(line)).toBe(bytes);
});
