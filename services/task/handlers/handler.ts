/** The shape of an event handler: the schema of its value, and what it asks of the index. */
import type { z } from 'zod';
import { TaskstreamError } from '../../platform/errors.ts';
import { describeDetails, detailsOf } from '../../platform/validation.ts';
import type { IndexOperation } from '../../pipeline/index/operation.ts';

/** @throws TaskstreamError `schema_violation` when the value is not what the event's type promises. */
export type Handler = (value: unknown) => IndexOperation;

/** Makes a handler that judges the value before it uses it. */
export const defineHandler =
  <T>(schema: z.ZodType<T>, toOperation: (value: T) => IndexOperation): Handler =>
  (value) => {
    const result = schema.safeParse(value);
    if (result.success) return toOperation(result.data);
    const details = detailsOf(result.error);
    throw new TaskstreamError('schema_violation', describeDetails(details, 'value'), { details });
  };
