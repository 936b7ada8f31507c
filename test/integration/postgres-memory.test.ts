import { Client } from 'pg';
import { expect, inject, it } from 'vitest';
import { kbOf, MEMORY_SETTINGS } from '../../infra/environments/postgres-memory.ts';

it('sizes of memory are taken up to where a real PostgreSQL refuses them', async () => {
  const client = new Client({ connectionString: inject('databaseUrl') });
  await client.connect();
  const settings = Object.values(MEMORY_SETTINGS);
  const { rows } = await client.query<{ name: string; least: string; most: string }>(
    // Of pages, and of kB.
    `SELECT name, min_val::numeric * kb AS least, max_val::numeric * kb AS most
       FROM pg_settings, LATERAL (SELECT CASE unit WHEN '8kB' THEN 8 WHEN 'kB' THEN 1 END AS kb)
      WHERE name = ANY($1)`,
    [settings.map(({ parameter }) => parameter)],
  );
  await client.end();
  expect(rows).toHaveLength(settings.length);
  for (const { parameter, least, most } of settings) {
    const taken = rows.find(({ name }) => name === parameter);
    expect(kbOf(least), parameter).toBe(Number(taken?.least));
    // In whole GB: another one would be too many.
    expect(kbOf(most), parameter).toBeLessThanOrEqual(Number(taken?.most));
    expect(kbOf(most) + kbOf('1GB'), parameter).toBeGreaterThan(Number(taken?.most));
  }
});
