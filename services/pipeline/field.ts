/**
 * A field of an entity, declared once: what clients send, where it is stored, how it is indexed and found.
 * Bodies of requests, SQL parameters, mapping, search conditions, cursor, import and the console's form follow from it.
 */
import type { estypes } from '@elastic/elasticsearch';
import { z } from '@hono/zod-openapi';
import type { ErrorDetail } from '../platform/errors.ts';
import { idSchema } from './id.ts';

/** What a condition adds to a query: `must` counts for the score, `filter` does not. */
export interface Clause {
  readonly must?: estypes.QueryDslQueryContainer;
  readonly filter?: estypes.QueryDslQueryContainer;
}

/** A search condition on a field; `C` is what the search names. */
export interface Condition<C = never> {
  readonly schema: z.ZodType<C>;
  /**
   * Nothing for a value that excludes nothing, such as blanks.
   * @param nowMs when the search began, in milliseconds since 1970: the same for all its pages
   */
  toClause(value: C, nowMs: number): Clause | undefined;
  /** Whether what it finds depends on that moment. */
  readonly isTimed?: boolean;
}

/** An order of hits. Those without a value come last, and of equals the newest first. */
export interface Order {
  /** A number or a date of the documents, the lowest first; a word where there are `ranks`. */
  readonly path: string;
  /** Words, of which the last comes first. */
  readonly ranks?: readonly string[];
  /** What clients are told of it. */
  readonly description: string;
}

/** What must hold of columns together, where a patch may change one of them alone. */
export interface Check {
  /** A SQL condition; it is met where it is unknown. @param column quotes the name of a column */
  readonly sql: (column: (name: string) => string) => string;
  /** What a request that breaks it is answered: the same as the schema of the field says. */
  readonly fault: ErrorDetail;
}

/** How a form shows a field. */
export type Control =
  | { readonly kind: 'text'; readonly label: string; readonly maxLength: number; readonly placeholder: string }
  | { readonly kind: 'choice'; readonly label: string; readonly options: readonly string[] }
  /** Timestamps by name, of which `onCreate` stand in the form for a new one. */
  | {
      readonly kind: 'timestamps';
      readonly labels: Readonly<Record<string, string>>;
      readonly onCreate: readonly string[];
    }
  | { readonly kind: 'number'; readonly label: string; readonly min?: number; readonly max?: number }
  /** A day of the calendar, `2026-03-01`. */
  | { readonly kind: 'date'; readonly label: string }
  | { readonly kind: 'flag'; readonly label: string }
  | { readonly kind: 'words'; readonly label: string; readonly placeholder: string };

/** Cells of a CSV row, by column. */
export interface CsvCells<V, S = V> {
  readonly columns: readonly string[];
  /**
   * The field's value; nothing when its cells are empty. What it returns is judged by `input`.
   * @param cells text by column, each one a column of this field
   */
  read(cells: Readonly<Record<string, string | undefined>>): V | undefined;
  /** The cells that {@link read} takes for the value, by column; null or nothing is an empty one. */
  write(value: S): Readonly<Record<string, string | null | undefined>>;
}

/**
 * @typeParam V the value as it is sent
 * @typeParam C what a search names
 * @typeParam S the value as it is shown
 */
export interface Field<V = never, C = never, S = V> {
  /** Judges what clients send. */
  readonly input: z.ZodType<V>;
  /** The same for a creation, where that takes more, such as null for "none". */
  readonly createInput?: z.ZodType<V | null | undefined>;
  /**
   * Stored when a creation does not name the field, in the form that is shown: an empty list, or null where `input` and
   * `shown` take null. A field without one is required.
   */
  readonly initial?: V;
  /** False where only an update sets it. */
  readonly isCreatable?: boolean;
  /**
   * True for a field that came after clients of the first release: an update that does not name it leaves it as it is,
   * and events of before lack it.
   */
  readonly isLater?: boolean;
  /** The value in events and answers. */
  readonly shown: z.ZodType<S>;
  /** SQL types by column. */
  readonly columns: Readonly<Record<string, string>>;
  /** Values by column, as JSON. */
  toColumns(value: V | null | undefined): Readonly<Record<string, unknown>>;
  /** For a value that is an object: the column of each of its members, which a patch may name alone. */
  readonly members?: Readonly<Record<string, string>>;
  readonly check?: Check;
  readonly mapping: estypes.MappingProperty;
  readonly condition?: Condition<C>;
  /** Conditions under names of their own, which no other field has. */
  readonly moreConditions?: Readonly<Record<string, AnyCondition>>;
  /** Orders of hits, under names that no other field has. */
  readonly orders?: Readonly<Record<string, Order>>;
  /** Whether a search may count its hits by the values of the field: words, or true and false. */
  readonly isFacet?: boolean;
  /** How a search shows where its words stand in the value, which is text. */
  readonly highlight?: estypes.SearchHighlightField;
  readonly csv?: CsvCells<V, S>;
  /** None where the console's forms do not ask for it. */
  readonly control?: Control;
}

/** Declares a field; the types of its parts are checked against each other. */
export const field = <V, C = never, S = V>(declaration: Field<V, C, S>): Field<V, C, S> => declaration;

/** Methods, and so compared loosely by the compiler. */
interface AnyCondition {
  readonly schema: z.ZodType;
  readonly isTimed?: boolean;
  toClause(value: unknown, nowMs: number): Clause | undefined;
}

/** A condition under a name of its own. */
export const condition = <C>(declaration: Condition<C>): Condition<C> => declaration;

/** A field of any type, for what works on all of them: its parts are only ever given what its own schemas let through. */
export interface AnyField extends Omit<
  Field,
  'input' | 'createInput' | 'initial' | 'shown' | 'toColumns' | 'condition' | 'csv'
> {
  readonly input: z.ZodType;
  readonly createInput?: z.ZodType;
  readonly initial?: unknown;
  readonly shown: z.ZodType;
  // Methods, and so compared loosely by the compiler.
  toColumns(value: unknown): Readonly<Record<string, unknown>>;
  readonly condition?: AnyCondition;
  readonly csv?: {
    readonly columns: readonly string[];
    read(cells: Readonly<Record<string, string | undefined>>): unknown;
    write(value: unknown): Readonly<Record<string, string | null | undefined>>;
  };
}

export type Fields = Readonly<Record<string, AnyField>>;

/** Fields by name, as a request names them. */
export type FieldValues = Readonly<Record<string, unknown>>;

const shapeOf = <T>(fields: Fields, part: (field: AnyField, name: string) => T | undefined): Record<string, T> =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([name, each]) => {
      const value = part(each, name);
      return value === undefined ? [] : [[name, value]];
    }),
  );

/** The initial values, as answers show them. */
export const initialsOf = (fields: Fields): FieldValues => shapeOf(fields, ({ initial }) => initial);

/** Of these, the ones that documents of an older schema may lack. */
export const laterInitialsOf = (fields: Fields): FieldValues =>
  shapeOf(fields, ({ initial, isLater }) => (isLater === true ? initial : undefined));

/** Body of a creation: fields without an initial value are required, defaults are not filled in. */
export const createBody = (fields: Fields): z.ZodType<FieldValues> =>
  z.strictObject(
    shapeOf(fields, ({ isCreatable = true, createInput, input, initial }) => {
      if (!isCreatable) return undefined;
      return createInput ?? (initial === undefined ? input : input.optional());
    }),
  );

/** Body of an update, a full replacement: a forgotten field would be reset in silence, so all but later ones are required. */
export const updateBody = (fields: Fields): z.ZodType<FieldValues> =>
  z.strictObject(shapeOf(fields, ({ input, isLater }) => (isLater === true ? input.optional() : input)));

/**
 * A JSON Merge Patch (RFC 7396): what it does not name stays as it is, and null takes a value away, so that the initial one
 * stands again. A field without an initial value takes no null.
 */
export const patchBody = (fields: Fields): z.ZodType<FieldValues> =>
  z.strictObject(shapeOf(fields, ({ input, initial }) => (initial === undefined ? input.optional() : input.nullish())));

/** The conditions of a search by name, those of a field together. */
export const conditionsOf = (fields: Fields): readonly (readonly [string, AnyCondition])[] =>
  Object.entries(fields).flatMap(([name, { condition: own, moreConditions = {} }]) => [
    ...(own === undefined ? [] : [[name, own] as const]),
    ...Object.entries(moreConditions),
  ]);

/** The same as a search names them; null is as if it did not. */
export const conditionsShape = (fields: Fields): Record<string, z.ZodType> =>
  Object.fromEntries(conditionsOf(fields).map(([name, { schema }]) => [name, schema.nullish()]));

export const ordersOf = (fields: Fields): Readonly<Record<string, Order>> =>
  Object.assign({}, ...Object.values(fields).map(({ orders }) => orders)) as Record<string, Order>;

/** By field, how a search shows where its words stand. */
export const highlightsOf = (fields: Fields): Readonly<Record<string, estypes.SearchHighlightField>> =>
  shapeOf(fields, ({ highlight }) => highlight);

/** Names of the fields by which hits can be counted. */
export const facetsOf = (fields: Fields): readonly string[] =>
  Object.entries(fields).flatMap(([name, { isFacet }]) => (isFacet === true ? [name] : []));

/**
 * A schema that the OpenAPI document shows under a name, so that generators make one type of it. Where it may be null the
 * document says so beside the reference; `.openapi(name)` alone takes the null away there, or gives it to all uses.
 */
export const byName = <T extends z.ZodType>(name: string, schema: T): z.ZodLazy<T> => {
  const named = schema.openapi(name);
  return z.lazy(() => named);
};

/** The fields every entity has beside its own. */
const versioned = {
  id: idSchema,
  version: z.int().positive(),
  schemaVersion: z.int().positive().optional(),
  createdAt: z.iso.datetime({ offset: true }),
  updatedAt: z.iso.datetime({ offset: true }),
};

/** Their names, which no request has. */
export const SET_BY_SERVICE: readonly string[] = Object.keys(versioned);

/** The entity as answers show it. */
export const shownSchema = (fields: Fields) => {
  const { id, ...rest } = versioned;
  return z.object({ id, ...shapeOf(fields, ({ shown }) => shown), ...rest });
};

/** The value of an event, of this schema version or an older one. */
export const valueSchema = (fields: Fields) => {
  const { id, ...rest } = versioned;
  return z.object({
    id,
    ...shapeOf(fields, ({ shown, isLater }) => (isLater === true ? shown.optional() : shown)),
    ...rest,
  });
};

/**
 * Mapping of the documents. `dynamic: strict` turns a field that nobody mapped into an error with a name; a guessed
 * mapping would be wrong in silence.
 */
export const mappingOf = (fields: Fields): estypes.MappingTypeMapping => ({
  dynamic: 'strict',
  properties: {
    id: { type: 'keyword' },
    ...shapeOf(fields, ({ mapping }) => mapping),
    version: { type: 'long' },
    schemaVersion: { type: 'integer' },
    createdAt: { type: 'date' },
    updatedAt: { type: 'date' },
  },
});

/** A column that clients set. */
export interface Column {
  readonly name: string;
  readonly type: string;
}

export const columnsOf = (fields: Fields): readonly Column[] =>
  Object.values(fields).flatMap(({ columns }) => Object.entries(columns).map(([name, type]) => ({ name, type })));

export const checksOf = (fields: Fields): readonly Check[] => Object.values(fields).flatMap(({ check }) => check ?? []);

/** Columns of a new row: what the creation names, and the initial value of what it does not. */
export const columnsToCreate = (fields: Fields, values: FieldValues): FieldValues =>
  Object.assign(
    {},
    ...Object.entries(fields).map(([name, each]) => each.toColumns(values[name] ?? each.initial)),
  ) as FieldValues;

/** Columns of an update: a later field that it does not name is left out. */
export const columnsToUpdate = (fields: Fields, values: FieldValues): FieldValues =>
  Object.assign(
    {},
    ...Object.entries(fields).map(([name, each]) => (name in values ? each.toColumns(values[name]) : {})),
  ) as FieldValues;

/** Columns of a patch: those of the members that it names, where a value has members. */
export const columnsToPatch = (fields: Fields, patch: FieldValues): FieldValues =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([name, each]) => {
      const value = patch[name];
      if (value === undefined) return [];
      const columns = Object.entries(each.toColumns(value ?? each.initial));
      if (each.members === undefined || !isObject(value)) return columns;
      const { members } = each;
      const named = Object.keys(value).map((member) => members[member]);
      return columns.filter(([column]) => named.includes(column));
    }),
  );

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

const clausesOf = (fields: Fields, conditions: FieldValues, nowMs: number): readonly Clause[] =>
  conditionsOf(fields).flatMap(([name, each]) => {
    const value = conditions[name];
    return value === undefined ? [] : (each.toClause(value, nowMs) ?? []);
  });

/** All conditions must hold. */
export const toQuery = (fields: Fields, conditions: FieldValues, nowMs: number): estypes.QueryDslQueryContainer => {
  const clauses = clausesOf(fields, conditions, nowMs);
  const must = clauses.flatMap((clause) => clause.must ?? []);
  return {
    bool: { must: must.length === 0 ? [{ match_all: {} }] : must, filter: clauses.flatMap((c) => c.filter ?? []) },
  };
};

/** Whether what the query finds depends on when it began. */
export const isTimed = (fields: Fields, conditions: FieldValues): boolean =>
  conditionsOf(fields).some(([name, each]) => each.isTimed === true && conditions[name] !== undefined);

/** Whether some hits of the query match better than others. */
export const isRanked = (fields: Fields, conditions: FieldValues): boolean =>
  clausesOf(fields, conditions, 0).some(({ must }) => must !== undefined);
