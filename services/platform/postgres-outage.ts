/** Which errors of PostgreSQL speak of its state, and not of the statement. */
import { DatabaseError } from 'pg';

/**
 * SQLSTATE classes and codes: 08 connection, 53 insufficient resources, 57P operator intervention, 57014 timeout,
 * 40 rollback after deadlock or serialization failure, 55P03 lock not available, 25006 read-only after a failover,
 * 42P01 a table that is not there yet, as migrations have not run. Source: PostgreSQL documentation, appendix A.
 */
const SQLSTATE = /^(08|53|57P|57014|40|55P03|25006|42P01)/;

/**
 * Those that somebody must end, as time alone does not: 28 role or password refused, 3D no such database, 58 fault of the
 * server's machine, 42501 a right that was taken away, 25P03 and 25P04 a transaction that the server's limits ended.
 */
const ADMINISTERED = /^(28|3D|58|42501|25P0[34])/;

/** A lone deadlock or serialization failure, which the same statement does not meet again. */
const ROLLED_BACK = /^40/;

/** A row, as PostgreSQL names it in whatever language: `while locking tuple (0,1) in relation "tasks"`. */
const ROW = /\(\d+,\d+\)/;

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
  /Connection terminated|connection timeout|timeout expired|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|not queryable|Cannot use a pool after calling end/i;

/** Errors that calls to PostgreSQL ended with. A code alone does not tell: a client of ours that hangs up has it too. */
const raisedByDriver = new WeakSet<Error>();

/** Errors that connecting ended with. */
const raisedByConnecting = new WeakSet<Error>();

type Call = (...args: never[]) => unknown;

/** From now on, what promises of these methods reject with is known as PostgreSQL's. */
export const claimErrors = <K extends string>(target: Record<K, Call>, ...methods: readonly K[]): void => {
  for (const method of methods) target[method] = claimed(target[method], raisedByDriver);
};

/** From now on, what `connect` fails with is known as a failure to connect, whatever the driver or the server says. */
export const claimConnecting = (target: { connect: Call }): void => {
  target.connect = claimed(target.connect, raisedByConnecting);
};

const claimed = (method: Call, errors: WeakSet<Error>): Call =>
  new Proxy(method, {
    apply: (call, self, args: unknown[]): unknown => {
      const claim = (error: unknown): void => {
        if (error instanceof Error) errors.add(error);
      };
      // A pool that runs a statement of its own connects with a callback.
      const claiming = args.map((arg) =>
        typeof arg !== 'function'
          ? arg
          : (...results: unknown[]): unknown => {
              claim(results[0]);
              return Reflect.apply(arg, undefined, results);
            },
      );
      const result: unknown = Reflect.apply(call, self, claiming);
      if (!(result instanceof Promise)) return result;
      return result.catch((error: unknown) => {
        claim(error);
        throw error;
      });
    },
  });

/** True when PostgreSQL or its driver raised the error, and the same statement may succeed later or on another connection. */
export const isDatabaseOutage = (error: unknown): boolean => {
  if (error instanceof DatabaseError) return SQLSTATE.test(error.code ?? '');
  return error instanceof Error && raisedByDriver.has(error) && isConnectionError(error);
};

/**
 * True when the database cannot do what it is asked, and no request is at fault: an outage, no connection for whatever
 * reason, or a state of the server that its administrator must end.
 */
export const isDatabaseUnavailable = (error: unknown): boolean =>
  isDatabaseOutage(error) ||
  (error instanceof Error && raisedByConnecting.has(error)) ||
  (error instanceof DatabaseError && ADMINISTERED.test(error.code ?? ''));

/** True for an error of a connection, whoever it led to. */
export const isConnectionError = (error: unknown): boolean => {
  if (error instanceof AggregateError) return error.errors.some(isConnectionError);
  if (!(error instanceof Error)) return false;
  return 'code' in error && typeof error.code === 'string'
    ? SYSTEM_ERRORS.has(error.code)
    : DRIVER_MESSAGES.test(error.message);
};

/**
 * True when PostgreSQL refused a statement for the sake of a part of it: nothing was done, and the other parts may succeed.
 * An unavailable database would refuse each of them, and let each wait as long, unless it waited for a row that somebody
 * holds locked, which it then names.
 */
export const isRefusedStatement = (error: unknown): boolean =>
  error instanceof DatabaseError &&
  error.severity === 'ERROR' &&
  (!isDatabaseUnavailable(error) || ROLLED_BACK.test(error.code ?? '') || ROW.test(error.where ?? ''));
