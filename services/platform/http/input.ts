/** From bytes to trusted values: bodies, paths and queries are parsed once, at the edge. */
import type { Context } from 'hono';
import type { z } from 'zod';
import { messageOf, TaskstreamError } from '../errors.ts';
import { describeDetails, detailsOf } from '../validation.ts';
import type { ApiEnv } from './api-env.ts';

/** Each that names an object; a JSON Patch (RFC 6902) is a list of operations, and never one. */
const JSON_TYPE = /^application\/(?!json-patch\+)(?:[\w.+-]+\+)?json$/;
const CHARSET = /^charset\s*=/;
const UTF_8 = /^charset\s*=\s*"?utf-?8"?$/;

/** Parameters that JSON does not define, and none at all behind a semicolon, mean nothing. Source: RFC 9110, 5.6.6; RFC 8259, 11. */
const isUtf8Json = (type: string): boolean => {
  const [essence = '', ...parameters] = type.split(';').map((part) => part.trim().toLowerCase());
  return JSON_TYPE.test(essence) && parameters.every((part) => !CHARSET.test(part) || UTF_8.test(part));
};
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * @param shown as {@link parse} has it
 * @throws TaskstreamError `unsupported_media_type`, `malformed_json` or `validation_failed`
 */
export const parseBody = async <T>(c: Context<ApiEnv>, schema: z.ZodType<T>, shown?: readonly string[]): Promise<T> => {
  const type = c.req.header('content-type');
  if (type !== 'application/json' && !isUtf8Json(type ?? '')) {
    throw new TaskstreamError('unsupported_media_type', 'Send the body as application/json in UTF-8.');
  }
  const encoding = c.req.header('content-encoding');
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new TaskstreamError(
      'unsupported_media_type',
      `Send the body as it is, without Content-Encoding ${encoding}.`,
    );
  }
  const bytes = await c.req.arrayBuffer();
  let json: unknown;
  try {
    json = JSON.parse(utf8.decode(bytes));
  } catch (error) {
    throw new TaskstreamError('malformed_json', `The body is not valid JSON: ${messageOf(error)}.`, { cause: error });
  }
  return parse(schema, json, undefined, shown);
};

/** @throws TaskstreamError `validation_failed` */
export const parsePath = <T>(c: Context<ApiEnv>, schema: z.ZodType<T>): T => parse(schema, c.req.param(), 'path');

/** @throws TaskstreamError `validation_failed`, also for a parameter that is given twice */
export const parseQuery = <T>(c: Context<ApiEnv>, schema: z.ZodType<T>): T => {
  const values = Object.entries(c.req.queries()).map(([name, all]) => [name, all.length === 1 ? all[0] : all]);
  return parse(schema, Object.fromEntries(values), 'query');
};

/**
 * @param root the part of the request that the value is
 * @param shown names that answers have and requests do not
 * @throws TaskstreamError `validation_failed`
 */
export const parse = <T>(schema: z.ZodType<T>, input: unknown, root?: string, shown?: readonly string[]): T => {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const details = detailsOf(result.error, root, shown);
  throw new TaskstreamError('validation_failed', `${describeDetails(details, 'body')}.`, { details });
};
