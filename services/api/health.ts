/** When the API takes requests: PostgreSQL answers, and has every migration. Kafka and search do not count. */
import type { Pool } from 'pg';
import { TaskstreamError } from '../platform/errors.ts';
import type { HealthCheck } from '../platform/http/health.ts';

export const readinessChecks = (
  pool: Pool,
  missing: () => Promise<readonly string[]>,
  isStopping: () => boolean,
): readonly HealthCheck[] => [
  {
    name: 'running',
    check: () => {
      if (isStopping()) throw new TaskstreamError('stopped', 'the process is stopping');
    },
  },
  {
    name: 'postgres',
    check: async () => {
      // A table, and not just "SELECT 1": without the schema no request can be served.
      await pool.query('SELECT FROM tasks LIMIT 1');
    },
  },
  {
    name: 'schema',
    check: async () => {
      const names = await missing();
      if (names.length > 0) {
        throw new TaskstreamError(
          'database_unavailable',
          `the database lacks the migration ${names.join(', ')}: run ops migrate of this version`,
        );
      }
    },
  },
];
