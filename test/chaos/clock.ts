/**
 * A clock that can be stepped, for the services and for the run's database, as a time service or an operator steps a
 * machine's: the real one stays as it is.
 * - Services read `Date` through `stepped-clock.mjs`, which looks at a file.
 * - In the database, functions of the same names stand before those of PostgreSQL in the search path.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestDatabase } from '../support/database.ts';

export interface Clock {
  /** For the services' environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Steps all clocks to the real time plus `offsetMs`. */
  step(offsetMs: number): Promise<void>;
  /** The same for those of the services alone. */
  stepServices(offsetMs: number): void;
  close(): void;
}

/** Before anything connects to the database: a session reads its search path when it begins. */
export const createClock = async (database: TestDatabase): Promise<Clock> => {
  const folder = mkdtempSync(join(tmpdir(), 'taskstream-clock-'));
  const file = join(folder, 'offset-ms');
  writeFileSync(file, '0');
  const name = new URL(database.url).pathname.slice(1);
  await database.pool.query(`
    CREATE SCHEMA stepped;
    CREATE TABLE stepped.clock (offset_ms bigint NOT NULL);
    INSERT INTO stepped.clock VALUES (0);
    CREATE FUNCTION stepped.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
      RETURN pg_catalog.clock_timestamp() + (SELECT offset_ms FROM stepped.clock) * interval '1 millisecond';
    CREATE FUNCTION stepped.now() RETURNS timestamptz LANGUAGE sql STABLE
      RETURN pg_catalog.now() + (SELECT offset_ms FROM stepped.clock) * interval '1 millisecond';
    ALTER DATABASE ${name} SET search_path = stepped, pg_catalog, public`);
  const stepServices = (offsetMs: number): void => {
    writeFileSync(file, String(offsetMs));
  };
  return {
    stepServices,
    env: {
      STEPPED_CLOCK_FILE: file,
      NODE_OPTIONS: `--import ${new URL('stepped-clock.mjs', import.meta.url).href}`,
    },
    step: async (offsetMs) => {
      stepServices(offsetMs);
      await database.pool.query('UPDATE stepped.clock SET offset_ms = $1', [offsetMs]);
    },
    close: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
