import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { earliestEnd, readAuthority, watchAuthority } from '../../services/platform/certificates.ts';
import { readEnv } from '../../services/platform/env.ts';
import { createLogger } from '../../services/platform/logger.ts';
import { postgresEnv } from '../../services/platform/postgres.ts';
import { observeRenewals } from '../../services/platform/renewals.ts';
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
    observeRenewals(
      { KAFKA_CA_FILE: broken, ELASTICSEARCH_CA_FILE: good, DATABASE_CA_FILE: join(folder, 'absent.crt') },
      registry,
      logger,
    );
    const metric = await registry.getSingleMetric('taskstream_certificate_expiry_timestamp_seconds')?.get();
    expect(metric?.values.map(({ labels, value }) => [labels['file'], daysUntil(value * 1_000)])).toEqual([[good, 10]]);
  });

  it('is read again for each scrape: a renewal is counted, and what is no certificate meanwhile is absent', async () => {
    const file = join(folder, 'renewed.crt');
    writeFileSync(file, shortLived);
    const registry = new Registry();
    observeRenewals({ ELASTICSEARCH_CA_FILE: file }, registry, logger);
    const valuesOf = async (name: string) => (await registry.getSingleMetric(name)?.get())?.values ?? [];
    const days = async () => {
      const values = await valuesOf('taskstream_certificate_expiry_timestamp_seconds');
      return values.map(({ value }) => daysUntil(value * 1_000));
    };
    const renewals = async () => (await valuesOf('taskstream_certificate_renewals_total'))[0]?.value;
    expect([await days(), await renewals()]).toEqual([[10], 0]);
    writeFileSync(file, longLived);
    expect([await days(), await renewals()]).toEqual([[100], 1]);
    writeFileSync(file, 'half of a certific');
    expect(await days()).toEqual([]);
    writeFileSync(file, longLived);
    expect([await days(), await renewals()]).toEqual([[100], 1]);
  });
});

describe('what is not in use yet', () => {
  it('is shown for a login file that cannot be used, and for a client that was made before', async () => {
    const file = join(folder, 'uri');
    writeFileSync(file, 'postgres://localhost/one');
    const registry = new Registry();
    const renewals = observeRenewals(readEnv(postgresEnv, { DATABASE_URL_FILE: file }), registry, logger);
    const valuesOf = async (name: string) =>
      ((await registry.getSingleMetric(name)?.get())?.values ?? []).map(({ labels, value }) => [
        labels['client'] ?? labels['file'],
        value,
      ]);
    const scrape = async () => {
      await registry.metrics();
      return Promise.all([valuesOf('taskstream_renewal_pending'), valuesOf('taskstream_certificate_renewals_total')]);
    };
    expect(await scrape()).toEqual([[['new connections', 0]], [[file, 0]]]);
    writeFileSync(file, 'postgres://localhost/two');
    expect(await scrape()).toEqual([[['new connections', 0]], [[file, 1]]]);
    writeFileSync(file, 'no address');
    expect(await scrape()).toEqual([[['new connections', 1]], [[file, 1]]]);
    writeFileSync(file, 'postgres://localhost/two');
    renewals.report('taskstream-relay', false);
    const pending = ['new connections', 0];
    expect(await scrape()).toEqual([[pending, ['taskstream-relay', 1]], [[file, 1]]]);
    renewals.report('taskstream-relay', true);
    expect(await scrape()).toEqual([[pending, ['taskstream-relay', 0]], [[file, 1]]]);
    renewals.report('taskstream-relay', undefined);
    expect(await scrape()).toEqual([[pending], [[file, 1]]]);
  });
});

describe('the CA of new connections', () => {
  it('is that of every *.crt of a folder, whose end is that of the last one', () => {
    const both = mkdtempSync(join(folder, 'both-'));
    expect(() => readAuthority(both)).toThrow('no file *.crt');
    writeFileSync(join(both, 'ca.crt'), longLived);
    writeFileSync(join(both, 'ca.p12'), 'no PEM');
    const authority = watchAuthority(both);
    expect(authority()).toBe(longLived);
    writeFileSync(join(both, 'ca-2026-11-30T00-00-00Z.crt'), shortLived);
    expect(authority()).toBe(`${shortLived}\n${longLived}`);
    expect(daysUntil(readAuthority(both).endsAt)).toBe(100);
  });

  it('is what the file holds, and what it held last while it holds no certificate', () => {
    const file = join(folder, 'authority.crt');
    expect(() => watchAuthority(file)).toThrow('ENOENT');
    writeFileSync(file, 'no certificate');
    expect(() => watchAuthority(file)).toThrow('no certificate in it');
    writeFileSync(file, shortLived);
    const authority = watchAuthority(file);
    expect(authority()).toBe(shortLived);
    writeFileSync(file, '');
    expect(authority()).toBe(shortLived);
    writeFileSync(file, `${longLived}${shortLived}`);
    expect(authority()).toBe(`${longLived}${shortLived}`);
  });
});
