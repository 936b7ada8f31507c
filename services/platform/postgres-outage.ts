/** Which errors of PostgreSQL speak of its state, and not of the statement. */
import { DatabaseError } from 'pg';

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

/** Errors that calls to PostgreSQL ended with. A code alone does not tell: a client of ours that hangs up has it too. */
const raisedByDriver = new WeakSet<Error>();

type Call = (...args: never[]) => unknown;

/** From now on, what promises of these methods reject with is known as PostgreSQL's. */
export const claimErrors = <K extends string>(target: Record<K, Call>, ...methods: readonly K[]): void => {
  for (const method of methods) {
    target[method] = new Proxy(target[method], {
      apply: (call, self, args): unknown => {
        const result: unknown = Reflect.apply(call, self, args);
        if (!(result instanceof Promise)) return result;
        return result.catch((error: unknown) => {
          if (error instanceof Error) raisedByDriver.add(error);
          throw error;
        });
      },
    });
  }
};

/** True when PostgreSQL or its driver raised the error, and the same statement may succeed later or on another connection. */
export const isDatabaseOutage = (error: unknown): boolean => {
  if (error instanceof DatabaseError) return SQLSTATE.test(error.code ?? '');
  return error instanceof Error && raisedByDriver.has(error) && isConnectionError(error);
};

/** True for an error of a connection, whoever it led to. */
export const isConnectionError = (error: unknown): boolean => {
  if (error instanceof AggregateError) return error.errors.some(isConnectionError);
  if (!(error instanceof Error)) return false;
  return 'code' in error && typeof error.code === 'string'
    ? SYSTEM_ERRORS.has(error.code)
    : DRIVER_MESSAGES.test(error.message);
};

/** True when PostgreSQL itself refused the statement: then nothing of it was done. */
export const isRefusedStatement = (error: unknown): boolean =>
  error instanceof DatabaseError && error.severity === 'ERROR';
