/** Which server is away: a client library says only that something refused. */
import { DatabaseError } from 'pg';
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
  if (!isDatabaseOutage(error) || hasAnswered(error)) return error;
  return new TaskstreamError(
    'database_unavailable',
    `PostgreSQL does not answer (${messageOf(error)}): see whether it is up, and DATABASE_URL.`,
    { cause: error, retriable: true },
  );
};

/** Such as by a table that is not there: what PostgreSQL says is what to do. SQLSTATE 08, 53 and 57P speak of the server itself. */
const hasAnswered = (error: unknown): boolean =>
  error instanceof DatabaseError && !/^(?:08|53|57P)/.test(error.code ?? '');
