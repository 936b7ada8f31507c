/** An entity as HTTP offers it: what the routes of any entity need, and the schemas they share. */
import { z } from '@hono/zod-openapi';
import { answer } from '../../platform/http/document.ts';
import { ENTITY_TAGS_PATTERN } from '../../platform/http/etag.ts';
import { IDEMPOTENCY_KEY_PATTERN, IDEMPOTENCY_STATE_PATTERN } from '../../platform/http/idempotency-key.ts';
import type { ProblemCode } from '../../platform/http/problem.ts';
import type { Tag } from '../../platform/http/route.ts';
import type { Entity } from '../entity.ts';
import { createBody, initialsOf, patchBody, shownSchema, updateBody, type Fields, type FieldValues } from '../field.ts';
import type { EntitySearch } from '../index/search.ts';
import type { CreateCommand, EntityStore } from '../write/store.ts';

export interface ResourceOptions {
  readonly entity: Pick<Entity, 'name' | 'table' | 'isOwned'>;
  readonly fields: Fields;
  readonly store: EntityStore;
  readonly search: EntitySearch;
  /** Bodies that the OpenAPI document shows; fields that `shown` does not name have their initial value there. */
  readonly examples: {
    readonly shown: FieldValues;
    readonly create: FieldValues;
    readonly update: FieldValues;
    readonly patch: FieldValues;
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
  readonly tag: Tag;
  /** Code of its 404. */
  readonly notFound: ProblemCode;
  readonly shown: z.ZodType;
  /** What clients send, alone or in a batch. */
  readonly bodies: Readonly<Record<'create' | 'update' | 'patch', z.ZodType<FieldValues>>>;
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
  const { fields, examples } = options;
  const one = z.object({ [name]: shown }).openapi(`${title}Answer`);
  const etag = {
    ETag: {
      schema: { type: 'string' as const, example: '"1"' },
      description: `The version of the ${name}, in quotes.`,
    },
  };
  return {
    ...options,
    name,
    title,
    plural,
    pluralTitle: capital(plural),
    tag: {
      name: capital(plural),
      description: `Each ${name} has an id, and a version that grows by one with every change. What is acknowledged is durable; search shows it about a second later.`,
    },
    notFound: `${name}_not_found`,
    shown,
    bodies: {
      create: createBody(fields).openapi(`Create${title}`, { example: examples.create }),
      update: updateBody(fields).openapi(`Update${title}`, { example: examples.update }),
      patch: patchBody(fields).openapi(`Patch${title}`, { example: examples.patch }),
    },
    one: (text, headers = {}) => answer(text, one, { ...etag, ...headers }),
  };
};

const EXAMPLE_ID = '019a2b3c-4d5e-7f60-8a9b-0c1d2e3f4a5b';

/** Some programs print UUIDs in upper case. From here on there is one spelling, that of the database. */
export const idText = z
  .guid({ error: ({ input }) => (input === undefined ? undefined : 'must be a UUID') })
  .toLowerCase()
  .openapi({ example: EXAMPLE_ID });

/** Path of one thing. */
export const idPath = z.object({
  id: idText.openapi({ param: { name: 'id', in: 'path', description: 'A UUID, in upper or lower case.' } }),
});

/** The header of what creates. @param meaning what it says of the request */
export const idempotencyKey = (meaning: string) =>
  z
    .string()
    .optional()
    .openapi({
      pattern: IDEMPOTENCY_KEY_PATTERN,
      example: '5f0c1c1e-8d5b-4f0e-9d0a-3a1f6f2f7b11',
      description: `Any text of 1 to 255 visible ASCII characters, plain or in quotes, which are not part of it. ${meaning}`,
    });

/** The header that makes a key last. @param name of what the key has created */
export const keepKey = (name: string) =>
  z
    .enum(['true', 'latest'])
    .optional()
    .openapi({
      description: `Asks that the Idempotency-Key be known for ever, and not for IDEMPOTENCY_KEY_TTL_HOURS only. After that time it answers with the ${name} as it is then, or with \`idempotency_key_reused\` where that is gone. \`latest\` makes a key that is known answer so to this request from now on, and to no earlier one; it changes nothing of the ${name}.`,
    });

/** The header for what is compared and is not in the body. */
export const keyState = z.string().optional().openapi({
  pattern: IDEMPOTENCY_STATE_PATTERN,
  description:
    'What the client wants remembered with the Idempotency-Key: the same body with another text is another request. A key that was first sent without any takes each for the same.',
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
