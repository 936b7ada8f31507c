/** One PostgreSQL session for the length of a command. */
import type { Client } from 'pg';
import { messageOf, TaskstreamError } from '../../platform/errors.ts';
import { createClient, type PostgresConfig } from '../../platform/postgres.ts';

/** @throws TaskstreamError `database_unavailable` when PostgreSQL does not answer */
export const withDatabase = async <T>(
  config: PostgresConfig,
  applicationName: string,
  use: (client: Client) => Promise<T>,
): Promise<T> => {
  const client = createClient(config, applicationName);
  // A session that breaks fails the next query; without a listener it would end the process with a stack trace.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    throw new TaskstreamError(
      'database_unavailable',
      `PostgreSQL does not answer (DATABASE_URL): ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
  try {
    return await use(client);
  } finally {
    await client.end();
  }
};
