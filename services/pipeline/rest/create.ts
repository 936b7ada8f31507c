/** `POST /<plural>` */
import { createHash, randomUUID } from 'node:crypto';
import { z } from '@hono/zod-openapi';
import { BODY_PROBLEMS, jsonBody, problems } from '../../platform/http/document.ts';
import { sentKey, type SentKey } from '../../platform/http/idempotency-key.ts';
import { parseBody } from '../../platform/http/input.ts';
import { respondWith, type Route } from '../../platform/http/route.ts';
import type { Actor } from '../../platform/auth/actor.ts';
import type { TraceHeaders } from '../../platform/telemetry.ts';
import { withOwner } from '../owner.ts';
import { columnsToCreate, SET_BY_SERVICE, type FieldValues } from '../field.ts';
import { idempotencyKey, keepKey, keyState, type CreateCommand, type Resource } from './resource.ts';

export const createRoute = (resource: Resource): Route => {
  const { name, title, plural, tag, bodies, one, store } = resource;
  return {
    tag,
    access: 'write',
    document: {
      method: 'post',
      path: `/${plural}`,
      operationId: `create${title}`,
      summary: `Create one ${name}`,
      description: 'With an `Idempotency-Key` it is safe to repeat, whatever became of the answer.',
      request: {
        headers: z.object({
          'Idempotency-Key': idempotencyKey(
            `The same key with the same body never creates a second ${name}: the first answer is given again.`,
          ),
          'Keep-Idempotency-Key': keepKey(name),
          'Idempotency-State': keyState,
        }),
        ...jsonBody(bodies.create),
      },
      responses: {
        201: one(`The ${name} was created, now or by an earlier request with the same key.`, {
          Location: { schema: { type: 'string' }, description: `Path of the ${name}.` },
          'Idempotent-Replayed': {
            schema: { type: 'string', enum: ['true'] },
            description: `Given when an earlier request had created the ${name}.`,
          },
        }),
        ...problems(...BODY_PROBLEMS, 'idempotency_key_reused', 'outbox_full'),
      },
    },
    handle: async (c) => {
      const input = await parseBody(c, bodies.create, SET_BY_SERVICE);
      const created = await store.create(
        createCommand(resource, input, c.get('actor'), c.get('traceHeaders'), sentKey(c)),
      );
      return respondWith(c, name, created, 201, {
        location: `/${plural}/${created.id}`,
        ...(created.replayed ? { 'idempotent-replayed': 'true' } : {}),
      });
    },
  };
};

/** @param input as the schema understood it @throws TaskstreamError where it names an owner whom the actor may not name */
export const createCommand = (
  { entity, fields, earlierHashes }: Resource,
  input: FieldValues,
  actor: Actor,
  traceHeaders: TraceHeaders,
  sent: SentKey | undefined,
): CreateCommand => ({
  id: randomUUID(),
  actor,
  columns: columnsToCreate(fields, withOwner(entity, actor, input)),
  ...traceHeaders,
  // The hash is of what the client sent, as it was understood: spaces and the order of fields do not matter, and a field that a
  // later version fills in changes nothing.
  idempotency:
    sent === undefined
      ? undefined
      : {
          key: sent.key,
          isKept: sent.isKept,
          isLatest: sent.isLatest,
          // Quotes were a part of the key before 0.2.0.
          earlierKey: sent.header === sent.key ? undefined : sent.header,
          requestHash: requestHash(sent.state === undefined ? input : [input, sent.state]),
          earlierHashes: [...(sent.state === undefined ? [] : [requestHash(input)]), ...(earlierHashes?.(input) ?? [])],
        },
});

/** SHA-256 of a value as JSON. */
export const requestHash = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('base64url');
