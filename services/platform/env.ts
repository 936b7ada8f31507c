/**
 * Configuration from environment variables: declared as data, read once, all faults reported together.
 * A variable marked `secret` may also come from a file: `NAME_FILE` names it, as Kubernetes and Docker mount Secrets. Such a
 * file may be renewed while a service runs: its value is read again whenever the configuration is asked for it.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { messageOf, TaskstreamError, type ErrorDetail } from './errors.ts';
import { EXIT_INVALID_CONFIGURATION } from './product.ts';

export interface EnvVar<T = unknown> {
  /** Parses the variable's text; it is called with `undefined` when the variable is unset or empty. */
  readonly schema: z.ZodType<T>;
  readonly description: string;
  /** How the documentation shows the default; parsing takes it from `schema`. */
  readonly defaultText?: string;
  /** It belongs to a login, and may come from a file. */
  readonly secret?: boolean;
}

export type EnvSpec = Readonly<Record<string, EnvVar>>;
export type EnvValues<S extends EnvSpec> = { readonly [K in keyof S]: z.output<S[K]['schema']> };

/** A variable whose value comes from a file. */
export interface FileVariable {
  readonly name: string;
  readonly file: string;
  /**
   * What the file says now.
   * @throws when that is nothing, or cannot be used
   */
  readonly read: () => unknown;
}

const fileVariables = new WeakMap<object, readonly FileVariable[]>();

/** @param config as `readEnv` returned it; a copy has none, and keeps the values that it was made with */
export const fileVariablesOf = (config: object): readonly FileVariable[] => fileVariables.get(config) ?? [];

/** A rule over several variables: returns what is wrong, or nothing. */
export type CrossCheck<S extends EnvSpec> = (values: EnvValues<S>) => ErrorDetail | undefined;

/**
 * Reads and checks all variables of `spec`.
 * @throws TaskstreamError `invalid_configuration` whose message lists every fault on a line of its own.
 */
export const readEnv = <S extends EnvSpec>(
  spec: S,
  env: NodeJS.ProcessEnv,
  checks: readonly CrossCheck<S>[] = [],
): EnvValues<S> => {
  const values: Record<string, unknown> = {};
  const faults: ErrorDetail[] = [];
  const fromFiles: FileVariable[] = [];
  for (const [name, variable] of Object.entries(spec)) {
    try {
      values[name] = valueOf(name, variable, env);
      const file = fileOf(name, variable, env);
      if (file === undefined) continue;
      const read = (): unknown => {
        const value = valueOf(name, variable, env);
        if (value === undefined) throw new Error('the file is empty');
        return value;
      };
      fromFiles.push({ name, file, read });
      Object.defineProperty(values, name, { enumerable: true, get: lastUsable(values[name], read) });
    } catch (error) {
      faults.push({ path: name, message: messageOf(error) });
    }
  }
  fileVariables.set(values, fromFiles);
  const typed = values as EnvValues<S>;
  if (faults.length === 0) faults.push(...checks.map((check) => check(typed)).filter((fault) => fault !== undefined));
  if (faults.length > 0) {
    const lines = faults.map((fault) => `  ${fault.path}: ${fault.message}`);
    throw new TaskstreamError('invalid_configuration', `Invalid configuration:\n${lines.join('\n')}`, {
      details: faults,
    });
  }
  return typed;
};

/** While a file that is being replaced cannot be used, what it said last counts. */
const lastUsable = (first: unknown, read: () => unknown): (() => unknown) => {
  let last = first;
  return () => {
    try {
      last = read();
    } catch {
      // `observeRenewals` says so.
    }
    return last;
  };
};

const valueOf = (name: string, variable: EnvVar, env: NodeJS.ProcessEnv): unknown => {
  const result = variable.schema.safeParse(textOf(name, variable, env));
  if (result.success) return result.data;
  throw new Error(result.error.issues.map((issue) => issue.message).join('; '));
};

const fileOf = (name: string, variable: EnvVar, env: NodeJS.ProcessEnv): string | undefined =>
  variable.secret ? emptyAsUnset(env[`${name}_FILE`]) : undefined;

const textOf = (name: string, variable: EnvVar, env: NodeJS.ProcessEnv): string | undefined => {
  const direct = emptyAsUnset(env[name]);
  const file = fileOf(name, variable, env);
  if (direct !== undefined && file !== undefined) throw new Error(`set either ${name} or ${name}_FILE, not both`);
  if (file === undefined) return direct;
  try {
    return emptyAsUnset(readFileSync(file, 'utf8').trim());
  } catch (error) {
    throw new Error(`cannot read the file named by ${name}_FILE: ${messageOf(error)}`, { cause: error });
  }
};

const emptyAsUnset = (text: string | undefined): string | undefined => (text === '' ? undefined : text);

/** A required text. */
export const text = () => z.string({ error: 'is required' });

/** A text that may be missing. */
export const optionalText = () => z.string().optional();

/** One of `choices`. */
export const choice = <const C extends readonly [string, ...string[]]>(choices: C, fallback: C[number]) =>
  z.enum(choices, { error: `must be one of ${choices.join(', ')}` }).default(fallback as never) as unknown as z.ZodType<
    C[number]
  >;

/** A whole number within bounds, both included. */
export const integer = (fallback: number, { min, max }: { min: number; max: number }): z.ZodType<number> =>
  z
    .string()
    .default(String(fallback))
    .transform((value, context) => {
      const number = /^-?\d+$/.test(value) ? Number(value) : Number.NaN;
      if (number >= min && number <= max) return number;
      context.issues.push({ code: 'custom', message: `must be a whole number from ${min} to ${max}`, input: value });
      return z.NEVER;
    });

/** `true` or `false`. */
export const flag = (fallback: boolean): z.ZodType<boolean> =>
  z
    .enum(['true', 'false'], { error: 'must be true or false' })
    .default(fallback ? 'true' : 'false')
    .transform((value) => value === 'true');

/** A URL with one of `protocols` (each with its colon). */
export const url = (protocols: readonly string[]): z.ZodType<string> =>
  z
    .string({ error: 'is required' })
    .refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol), {
      error: `must be a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
    });

/** A comma-separated list without empty entries. */
export const list = (fallback: readonly string[] = []): z.ZodType<string[]> =>
  z
    .string()
    .default(fallback.join(','))
    .transform((value) =>
      value
        .split(',')
        .map((entry) => entry.trim())
        .filter((entry) => entry !== ''),
    );

const HOST_PORT = String.raw`(\[[\da-fA-F:.]+(%[^\s,\]]+)?\]|[^\s,:[\]]+):\d+`;

/** Comma-separated `host:port` pairs, at least one; an IPv6 address stands in brackets. */
export const hostList = (): z.ZodType<string> =>
  z.string({ error: 'is required' }).regex(new RegExp(`^${HOST_PORT}(,${HOST_PORT})*$`), {
    error: 'must be host:port pairs separated by commas, an IPv6 address in brackets',
  });

/** Runs `read`; a fault ends the process with its message on standard error, before anything listens or connects. */
export const exitOnInvalidConfig = <T>(read: () => T): T => {
  try {
    return read();
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exit(EXIT_INVALID_CONFIGURATION);
  }
};
