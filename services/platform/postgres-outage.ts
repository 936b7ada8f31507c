/** Which errors of PostgreSQL speak of its state, and not of the statement. */

/**
 * SQLSTATE classes and codes: 08 connection, 53 insufficient resources, 57P operator intervention, 57014 timeout,
 * 40 rollback after deadlock or serialization failure, 55P03 lock not available, 25006 read-only after a failover,
 * 42P01 a table that is not there yet, as migrations have not run. Source: PostgreSQL documentation, appendix A.
 */
const SQLSTATE = /^(08|53|57P|57014|40|55P03|25006|42P01)/;

const SYSTEM_ERRORS = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** What the driver says without a code. */
const DRIVER_MESSAGES =
  /Connection terminated|connection timeout|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|not queryable|Cannot use a pool after calling end/i;

/** True when the same statement may succeed later, or on another connection. */
export const isDatabaseOutage = (error: unknown): boolean => {
  if (error instanceof AggregateError) return error.errors.some(isDatabaseOutage);
  if (!(error instanceof Error)) return false;
  if ('code' in error && typeof error.code === 'string') {
    return SYSTEM_ERRORS.has(error.code) || SQLSTATE.test(error.code);
  }
  return DRIVER_MESSAGES.test(error.message);
};

/** True when PostgreSQL itself refused the statement: then nothing of it was done. */
export const isRefusedStatement = (error: unknown): boolean =>
  error instanceof Error && 'severity' in error && error.severity === 'ERROR';
