/**
 * `POST /<plural>/batch`: up to 500 operations, an outcome for each. It is not atomic: what one of them is refused for is no other's
 * outcome. Those of one id are carried out in their order, all others side by side, in the statements that all writes share.
 */
import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { ApiEnv } from '../../platform/http/api-env.ts';
import { TaskstreamError } from '../../platform/errors.ts';
import { answer, BODY_PROBLEMS, jsonBody, problem, problems } from '../../platform/http/document.ts';
import { ENTITY_TAGS_PATTERN, expectedVersions } from '../../platform/http/etag.ts';
import { refused, sentKey, type SentKey } from '../../platform/http/idempotency-key.ts';
import { parse, parseBody } from '../../platform/http/input.ts';
import { problemBody } from '../../platform/http/problem.ts';
import type { Route, Stored } from '../../platform/http/route.ts';
import { describeDetails } from '../../platform/validation.ts';
import { checkOwner } from '../owner.ts';
import { columnsToPatch, columnsToUpdate, SET_BY_SERVICE, type FieldValues } from '../field.ts';
import { createCommand } from './create.ts';
import { idempotencyKey, idText, keepKey, keyState, type Resource } from './resource.ts';

const MAX_OPERATIONS = 500;
/** Largest body, in bytes: 2 KiB for each of that many operations. */
const MAX_BODY_BYTES = 1_048_576;

const OPS = ['create', 'update', 'patch', 'delete'] as const;
/** Any operation, before its own schema judges it. */
const anyOperation = z.looseObject({ op: z.enum(OPS) });
/** What is judged as a whole; each operation is judged by itself then. */
const batch = z.strictObject({
  operations: z
    .array(z.unknown())
    .min(1, { error: 'must have one operation at least' })
    .max(MAX_OPERATIONS, { error: `must not have more than ${MAX_OPERATIONS} operations` }),
});

export const batchRoute = (resource: Resource): Route => {
  const { name, title, plural, pluralTitle, tag, shown, examples } = resource;
  const schemas = schemasOf(resource);
  const prepare = preparing(resource, schemas);
  const body = z
    .strictObject({
      operations: z
        .array(z.discriminatedUnion('op', [schemas.create, schemas.update, schemas.patch, schemas.delete]))
        .min(1)
        .max(MAX_OPERATIONS),
    })
    .openapi(`Batch${pluralTitle}`, {
      example: {
        operations: [
          { op: 'create', [name]: examples.create },
          { op: 'patch', id: EXAMPLE_ID, ifMatch: '"1"', [name]: examples.patch },
          { op: 'delete', id: EXAMPLE_ID },
        ],
      },
    });
  const outcome = z
    .object({
      status: z.int().openapi({ description: 'As the operation alone would be answered.' }),
      [name]: shown.optional(),
      replayed: z
        .literal(true)
        .optional()
        .openapi({ description: `Given when an earlier request had created the ${name}.` }),
      problem: problem.optional(),
    })
    .openapi(`${title}Outcome`);
  const outcomes = z
    .object({ outcomes: z.array(outcome).openapi({ description: 'In the order of the operations.' }) })
    .openapi(`${title}Outcomes`);
  return {
    tag,
    access: 'write',
    maxBodyBytes: MAX_BODY_BYTES,
    document: {
      method: 'post',
      path: `/${plural}/batch`,
      operationId: `batch${pluralTitle}`,
      summary: `Create, change and delete up to ${MAX_OPERATIONS} ${plural}`,
      description:
        'Each operation has an outcome of its own and fails no other, one that is not valid included. Operations of one id are carried out in their order. Only where a server that is away fails all of them does the batch as a whole fail.',
      request: {
        headers: z.object({
          'Idempotency-Key': idempotencyKey(
            'With the key `K`, a creation that is the operation `n`, counted from 0, counts as sent alone with the key `K/n`.',
          ),
          'Keep-Idempotency-Key': keepKey(name),
          'Idempotency-State': keyState,
        }),
        ...jsonBody(body),
      },
      responses: {
        200: answer('What became of each operation.', outcomes),
        ...problems(...BODY_PROBLEMS, 'outbox_full'),
      },
    },
    handle: async (c) => {
      const { operations } = await parseBody(c, batch);
      c.get('charge')?.(operations.length);
      const sent = sentKey(c);
      if (sent !== undefined && sent.key.length > MAX_KEY_LENGTH) {
        throw refused('Idempotency-Key', `must not be longer than ${MAX_KEY_LENGTH} characters for a batch`);
      }
      /** By id the last operation so far. */
      const last = new Map<string, Promise<Outcome>>();
      const outcomes = operations.map((operation, index) => {
        const key = sent === undefined ? undefined : { ...sent, key: `${sent.key}/${index}`, header: undefined };
        const { id, run } = prepare(c, operation, `operations.${index}`, key);
        if (id === undefined) return run();
        // What a server that is away refused it refuses to the later ones too: each would wait as long.
        const outcome = last.get(id)?.then((before) => (before.outage === undefined ? run() : before)) ?? run();
        last.set(id, outcome);
        return outcome;
      });
      const found = await Promise.all(outcomes);
      const [first] = found;
      // As any request to a server that is away: alerts count it, and the client is told when to come back.
      if (found.every(({ outage }) => outage !== undefined)) throw first?.outage ?? new Error('a batch of nothing');
      return c.body(`{"outcomes":[${found.map(({ text }) => text).join()}]}`, 200, {
        'content-type': 'application/json',
      });
    },
  };
};

const EXAMPLE_ID = '019a2b3c-4d5e-7f60-8a9b-0c1d2e3f4a5b';

const schemasOf = ({ name, title, bodies }: Resource) => {
  const target = {
    id: idText,
    ifMatch: z
      .string()
      .regex(new RegExp(ENTITY_TAGS_PATTERN), { error: 'must be * or a list of quoted entity tags' })
      .optional()
      .openapi({ description: 'As the header If-Match.' }),
  };
  // Named, as generators make a class of each.
  return {
    create: z.strictObject({ op: z.literal('create'), [name]: bodies.create }).openapi(`Create${title}Operation`),
    update: z
      .strictObject({ op: z.literal('update'), ...target, [name]: bodies.update })
      .openapi(`Update${title}Operation`),
    patch: z
      .strictObject({ op: z.literal('patch'), ...target, [name]: bodies.patch })
      .openapi(`Patch${title}Operation`),
    delete: z.strictObject({ op: z.literal('delete'), ...target }).openapi(`Delete${title}Operation`),
  };
};

interface Outcome {
  /** As JSON. */
  readonly text: string;
  /** Why it failed, where that is no fault of the operation's. */
  readonly outage?: Error;
}

interface Prepared {
  /** Of what it changes. */
  readonly id?: string;
  /** Carries it out; resolves to its outcome, be it a failure. */
  readonly run: () => Promise<Outcome>;
}

const preparing =
  (resource: Resource, schemas: ReturnType<typeof schemasOf>) =>
  (c: Context<ApiEnv>, sent: unknown, root: string, key: SentKey | undefined): Prepared => {
    const { name, entity, fields, store } = resource;
    const [actor, traceHeaders] = [c.get('actor'), c.get('traceHeaders')];
    const shown = (status: 200 | 201, { json }: Stored, more = ''): string =>
      `{"status":${status},"${name}":${json}${more}}`;
    const failed = (error: unknown): Outcome => {
      const body = problemBody(error instanceof TaskstreamError ? within(error, root, name) : error, c);
      if (body.status >= 500) c.set('countedStatus', body.status);
      const text = JSON.stringify({ status: body.status, problem: body });
      return body.status !== 503
        ? { text }
        : { text, outage: error instanceof Error ? error : new Error(String(error)) };
    };
    const run = (carryOut: () => Promise<string>) => () => carryOut().then((text) => ({ text }), failed);
    try {
      const { op } = parse(anyOperation, sent, root);
      if (op === 'create') {
        const operation = parse(schemas.create, sent, root, SET_BY_SERVICE);
        const command = createCommand(resource, valuesIn(operation, name), actor, traceHeaders, key);
        return {
          run: run(async () => {
            const created = await store.create(command);
            return shown(201, created, created.replayed ? ',"replayed":true' : '');
          }),
        };
      }
      const operation = parse<Targeted>(schemas[op], sent, root, SET_BY_SERVICE);
      const { id } = operation;
      const command = { id, actor, expected: expectedVersions(operation.ifMatch, undefined), ...traceHeaders };
      if (op === 'delete') {
        return {
          id,
          run: run(async () => {
            await store.delete(command);
            return '{"status":204}';
          }),
        };
      }
      const toColumns = op === 'update' ? columnsToUpdate : columnsToPatch;
      const values = valuesIn(operation, name);
      checkOwner(entity, actor, values);
      const columns = toColumns(fields, values);
      return { id, run: run(async () => shown(200, await store.update({ ...command, columns }))) };
    } catch (error) {
      return { run: () => Promise.resolve(failed(error)) };
    }
  };

/** A fault of the merged row, or of the tags, is named by its place in the batch too. */
const within = (error: TaskstreamError, root: string, name: string): TaskstreamError => {
  const { code, details, cause, extensions } = error;
  if (details.length === 0 || details.some(({ path }) => path.startsWith(root))) return error;
  const placed = details.map(({ path, message }) => ({
    path: path === 'header.If-Match' ? `${root}.ifMatch` : `${root}.${name}.${path}`,
    message,
  }));
  return new TaskstreamError(code, `${describeDetails(placed)}.`, { cause, details: placed, extensions });
};

/** So that the longest `K/n` is a key. */
const MAX_KEY_LENGTH = 255 - `/${MAX_OPERATIONS - 1}`.length;

interface Targeted {
  readonly id: string;
  readonly ifMatch?: string | undefined;
}

/** What the operation's schema has judged; the compiler does not know under which name it stands. */
const valuesIn = (operation: object, name: string): FieldValues =>
  Object.fromEntries(Object.entries(operation))[name] as FieldValues;
