/** `POST /<plural>` */
import { createHash, randomUUID } from 'node:crypto';
import { z } from '@hono/zod-openapi';
import { BODY_PROBLEMS, jsonBody, problems } from '../../platform/http/document.ts';
import { IDEMPOTENCY_KEY_PATTERN, idempotencyKeyOf } from '../../platform/http/idempotency-key.ts';
import { parseBody } from '../../platform/http/input.ts';
import { respondWith, type Route } from '../../platform/http/route.ts';
import { columnsToCreate, createBody } from '../field.ts';
import type { Resource } from './resource.ts';

export const createRoute = ({ name, title, plural, fields, examples, one, store, earlierHashes }: Resource): Route => {
  const body = createBody(fields).openapi(`Create${title}`, { example: examples.create });
  return {
    document: {
      method: 'post',
      path: `/${plural}`,
      operationId: `create${title}`,
      summary: `Create one ${name}`,
      request: {
        headers: z.object({
          'Idempotency-Key': z
            .string()
            .optional()
            .openapi({
              pattern: IDEMPOTENCY_KEY_PATTERN,
              description: `Any text of 1 to 255 visible ASCII characters, plain or in quotes, which are not part of it. The same key with the same body never creates a second ${name}: the first answer is given again.`,
            }),
        }),
        ...jsonBody(body),
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
      const input = await parseBody(c, body);
      const header = c.req.header('idempotency-key');
      const key = header === undefined ? undefined : idempotencyKeyOf(header);
      const created = await store.create({
        id: randomUUID(),
        columns: columnsToCreate(fields, input),
        ...c.get('traceHeaders'),
        // The hash is of what the client sent, as it was understood: spaces and the order of fields do not matter, and
        // a field that a later version fills in changes nothing.
        idempotency:
          key === undefined
            ? undefined
            : {
                key,
                // Quotes were a part of the key before 0.2.0.
                earlierKey: header === key ? undefined : header,
                requestHash: requestHash(input),
                earlierHashes: earlierHashes?.(input) ?? [],
              },
      });
      return respondWith(c, name, created, 201, {
        location: `/${plural}/${created.id}`,
        ...(created.replayed ? { 'idempotent-replayed': 'true' } : {}),
      });
    },
  };
};

/** SHA-256 of a value as JSON. */
export const requestHash = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('base64url');
