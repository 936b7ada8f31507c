/** Which server is away: a client library says only that something refused. */
import { messageOf, TaskstreamError } from '../../platform/errors.ts';
import { isDatabaseOutage } from '../../platform/postgres-outage.ts';
import { isWithoutAnswer } from '../../platform/retry.ts';

/** The error itself, or one that names the server. */
export const explainOutage = (error: unknown): unknown => {
  if (error instanceof TaskstreamError) return error;
  if (isWithoutAnswer(error)) {
    return new TaskstreamError(
      'search_unavailable',
      `Elasticsearch does not answer (${messageOf(error)}): see whether it is up, and ELASTICSEARCH_URL.`,
      { cause: error, retriable: true },
    );
  }
  if (!isDatabaseOutage(error)) return error;
  return new TaskstreamError(
    'database_unavailable',
    `PostgreSQL does not answer (${messageOf(error)}): see whether it is up, and DATABASE_URL.`,
    { cause: error, retriable: true },
  );
};
