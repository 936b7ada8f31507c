/** An entity as HTTP offers it: what the routes of any entity need, and the schemas they share. */
import { z } from '@hono/zod-openapi';
import { answer } from '../../platform/http/document.ts';
import { ENTITY_TAGS_PATTERN } from '../../platform/http/etag.ts';
import type { ProblemCode } from '../../platform/http/problem.ts';
import type { Entity } from '../entity.ts';
import { initialsOf, shownSchema, type Fields, type FieldValues } from '../field.ts';
import type { EntitySearch } from '../index/search.ts';
import type { CreateCommand, EntityStore } from '../write/store.ts';

export interface ResourceOptions {
  readonly entity: Pick<Entity, 'name' | 'table'>;
  readonly fields: Fields;
  readonly store: EntityStore;
  readonly search: EntitySearch;
  /** Bodies that the OpenAPI document shows; fields that `shown` does not name have their initial value there. */
  readonly examples: {
    readonly shown: FieldValues;
    readonly create: FieldValues;
    readonly update: FieldValues;
    readonly search: FieldValues;
  };
  /** Hashes by which versions before 0.2.0 knew a creation; only while their idempotency keys may live. */
  readonly earlierHashes?: (body: FieldValues) => readonly string[];
}

export interface Resource extends ResourceOptions {
  /** `task`, in paths and JSON. */
  readonly name: string;
  /** `Task`, in names of the document. */
  readonly title: string;
  /** `tasks`, in paths and JSON. */
  readonly plural: string;
  /** `Tasks`, in names of the document. */
  readonly pluralTitle: string;
  /** Code of its 404. */
  readonly notFound: ProblemCode;
  readonly shown: z.ZodType;
  /** A JSON answer that carries one. */
  readonly one: (text: string, headers?: Parameters<typeof answer>[2]) => ReturnType<typeof answer>;
}

export type { CreateCommand };

const capital = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;

export const createResource = (options: ResourceOptions): Resource => {
  const { name, table: plural } = options.entity;
  const title = capital(name);
  const shown = shownSchema(options.fields).openapi(title, {
    example: { ...initialsOf(options.fields), ...options.examples.shown },
  });
  const one = z.object({ [name]: shown }).openapi(`${title}Answer`);
  const etag = { ETag: { schema: { type: 'string' as const }, description: `The version of the ${name}, in quotes.` } };
  return {
    ...options,
    name,
    title,
    plural,
    pluralTitle: capital(plural),
    notFound: `${name}_not_found`,
    shown,
    one: (text, headers = {}) => answer(text, one, { ...etag, ...headers }),
  };
};

/** Path of one thing. */
export const idPath = z.object({
  // Some programs print UUIDs in upper case. From here on there is one spelling, that of the database.
  id: z
    .guid({ error: 'must be a UUID' })
    .toLowerCase()
    .openapi({
      param: { name: 'id', in: 'path' },
      example: '019a2b3c-4d5e-7f60-8a9b-0c1d2e3f4a5b',
    }),
});

/** The conditions of a change. */
export const preconditions = (name: string) =>
  z.object({
    'If-Match': z
      .string()
      .optional()
      .openapi({
        pattern: ENTITY_TAGS_PATTERN,
        description: `Entity tags of the versions the change is meant for, such as \`"3"\`; 412 when the ${name} is at another.`,
      }),
    'If-None-Match': z
      .string()
      .optional()
      .openapi({
        pattern: ENTITY_TAGS_PATTERN,
        description: `Entity tags of the versions the change must not meet, or \`*\` for any; 412 when the ${name} is at one.`,
      }),
  });
