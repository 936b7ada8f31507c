/**
 * Whether an answer is Elasticsearch's, and whole in time. What stands before it may answer as well: a login page, a
 * redirection, a gateway with nothing behind it. The client takes all below 400 for an answer, whatever the body says.
 */
import { errors, SniffingTransport } from '@elastic/elasticsearch';
import { shorten } from './validation.ts';

type Params = Parameters<SniffingTransport['request']>[0];
type Options = NonNullable<Parameters<SniffingTransport['request']>[1]>;

/** What errors and results of the client have in common. */
interface Answer {
  readonly statusCode?: number | undefined;
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
  readonly body?: unknown;
}

/** Something answered in Elasticsearch's place: as good as no answer. */
export class ForeignAnswerError extends errors.ConnectionError {
  constructor(what: string) {
    super(`${what} is no answer of Elasticsearch: see ELASTICSEARCH_URL, and what stands before it`);
  }
}

/**
 * Refusals with a meaning that is the same whoever gives them: no permission, no such thing, too large, too many. Those
 * from 500 on are outages.
 */
const REFUSALS: ReadonlySet<number> = new Set([401, 403, 404, 413, 429]);

export interface Login {
  /**
   * The value of the header `authorization`; nothing without a login.
   * @param refused what was just refused: what else may be tried, if there is anything
   */
  readonly authorization: (refused?: string) => string | undefined;
  /** Told what Elasticsearch answered a request for. */
  readonly onAnswer: (authorization: string) => void;
}
/** The renewed one, the one before, and the renewed one again, which the server may have come to know meanwhile. */
const MAX_LOGINS = 3;
const NO_LOGIN: Login = { authorization: () => undefined, onAnswer: () => undefined };

/** In characters. */
const MAX_TYPE_LENGTH = 100;
const MAX_TEXT_LENGTH = 200;

/**
 * Every request of ours is answered with a JSON object, or, where it asks whether something exists, without a body.
 * The client must have no timeout of its own: its connections begin theirs again with each piece of an answer, and give no
 * request a longer one than the client's.
 * @param timeoutMs bound on the whole of a request that has no `requestTimeout`
 * @param login what each request is sent with
 */
export const checkedTransport = (timeoutMs: number, login: Login = NO_LOGIN): typeof SniffingTransport =>
  class CheckedTransport extends SniffingTransport {
    /** @throws ForeignAnswerError for what Elasticsearch would not answer, and what the client throws */
    override async request<T>(params: Params, { requestTimeout, signal, ...options }: Options = {}): Promise<T> {
      const hasBody = params.method !== 'HEAD';
      const late = new AbortController();
      const timer = setTimeout(
        () => {
          late.abort();
        },
        Number(requestTimeout ?? timeoutMs),
      );
      const bounded = signal === undefined ? late.signal : AbortSignal.any([late.signal, signal]);
      let sentWith: string | undefined;
      const sendOnce = (authorization: string | undefined) => {
        sentWith = authorization;
        return super.request(params, {
          ...options,
          ...(authorization === undefined ? {} : { headers: { ...options.headers, authorization } }),
          signal: bounded,
          meta: true,
        });
      };
      const send = (authorization: string | undefined, attempt = 1): ReturnType<typeof sendOnce> =>
        sendOnce(authorization).catch((error: unknown) => {
          const isLast = attempt === MAX_LOGINS || authorization === undefined || !isUnauthorized(error);
          const other = isLast ? undefined : login.authorization(authorization);
          if (other === undefined) throw error;
          return send(other, attempt + 1);
        });
      const result = await send(login.authorization())
        .catch((error: unknown) => {
          throw late.signal.aborted ? new errors.TimeoutError('Request timed out') : withReason(error, hasBody);
        })
        .finally(() => {
          clearTimeout(timer);
        });
      const { statusCode } = result;
      const isExpected =
        statusCode < 300 || options.ignore?.includes(statusCode) === true || (!hasBody && statusCode === 404);
      if (!isExpected || (hasBody && !isObject(result.body))) throw new ForeignAnswerError(describe(result));
      if (sentWith !== undefined) login.onAnswer(sentWith);
      return (options.meta === true ? result : result.body) as T;
    }
  };

/**
 * The answer, if it has the part that Elasticsearch always gives.
 * @throws ForeignAnswerError if not
 */
export const withPart = <T extends object>(answer: T, part: keyof T & string): T => {
  if (!(part in answer) || typeof answer[part] !== 'object' || answer[part] === null) {
    throw new ForeignAnswerError(`a JSON object without "${part}"`);
  }
  return answer;
};

const isUnauthorized = (error: unknown): boolean => error instanceof errors.ResponseError && error.statusCode === 401;

/** An error that says what answered. The client's own has the body for a message, which may be empty, or a page of HTML. */
const withReason = (error: unknown, hasBody: boolean): unknown => {
  if (error instanceof errors.ProductNotSupportedError) return new ForeignAnswerError(describe(error.meta ?? {}));
  if (!(error instanceof errors.ResponseError) || isObject(error.body)) return error;
  const status = error.statusCode ?? 0;
  if (hasBody && status < 500 && !REFUSALS.has(status)) return new ForeignAnswerError(describe(error));
  error.message = describe(error);
  return error;
};

/** Such as `HTTP 503 (text/plain): no healthy upstream`. */
const describe = ({ statusCode, headers, body }: Answer): string => {
  const type = headers?.['content-type'];
  const text = typeof body === 'string' ? body.trim().replaceAll(/\s+/g, ' ') : '';
  const typeText = typeof type === 'string' ? shorten(type.split(';', 1).join(), MAX_TYPE_LENGTH) : 'no content type';
  return `HTTP ${statusCode ?? 0} (${typeText})${text === '' ? '' : `: ${shorten(text, MAX_TEXT_LENGTH)}`}`;
};

const isObject = (body: unknown): boolean => typeof body === 'object' && body !== null && !Array.isArray(body);
