import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { earliestEnd, observeCertificates } from '../../services/platform/certificates.ts';
import { createLogger } from '../../services/platform/logger.ts';
import { createAuthority } from '../support/certificates.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;
const logger = createLogger({ service: 'test', level: 'silent' });
let folder: string;
let shortLived: string;
let longLived: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'taskstream-certificates-'));
  const until = (days: number) => new Date(Date.now() + days * DAY_MS);
  shortLived = (await createAuthority('short', until(10))).cert;
  longLived = (await createAuthority('long', until(100))).cert;
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const daysUntil = (timeMs: number) => Math.round((timeMs - Date.now()) / DAY_MS);

describe('the end of certificates', () => {
  it('is the end of the first to end, in whatever order they stand in the file', () => {
    expect(daysUntil(earliestEnd(longLived))).toBe(100);
    expect(daysUntil(earliestEnd(`a comment\n${longLived}\n${shortLived}`))).toBe(10);
    expect(daysUntil(earliestEnd(`${shortLived}${longLived}`))).toBe(10);
  });

  it('is told for each file that is configured, and a broken one takes none of the others along', async () => {
    const [good, broken] = [join(folder, 'ca.crt'), join(folder, 'broken.crt')];
    writeFileSync(good, shortLived);
    writeFileSync(broken, 'no certificate');
    const registry = new Registry();
    observeCertificates(
      { KAFKA_CA_FILE: broken, ELASTICSEARCH_CA_FILE: good, DATABASE_CA_FILE: join(folder, 'absent.crt') },
      registry,
      logger,
    );
    const [metric] = await registry.getMetricsAsJSON();
    expect(metric?.values.map(({ labels, value }) => [labels['file'], daysUntil(value * 1_000)])).toEqual([[good, 10]]);
  });
});
