/**
 * Which copies of its index a search asks. A node that stands still keeps its copies until three checks of 10 s have failed; until
 * then a search that only ever asks one of them has no answer.
 */
import type { Client } from '@elastic/elasticsearch';
import { sleep } from '../../platform/time.ts';

/** A search that was not answered in a part of its time is sent again, to other copies; so many parts it has. */
const PARTS = 5;
/** Searches that are sent again at the same time: servers that are only slow do not get much more to do. */
const MAX_AGAIN = 16;
/** For so long all searches begin with what was answered where something else was not: longer than the three checks. */
const KEPT_MS = 60_000;

/** The part of a request that chooses its copies; Elasticsearch does where there is none. */
export interface Choice {
  readonly preference?: string;
}

/** How one request is sent: within which time, and until when an answer is wanted. */
export interface Sending {
  readonly requestTimeout: number;
  readonly signal: AbortSignal;
}

/**
 * @param query all of its pages ask the same copies, as one copy may show a change later than another
 * @throws what the first request failed with, when all have failed
 */
export type AskCopies = <T>(query: string, send: (choice: Choice, sending: Sending) => Promise<T>) => Promise<T>;

export interface CopiesOptions {
  readonly client: Client;
  readonly alias: string;
  /** Bound on one search. */
  readonly timeoutMs: number;
  /** For a search that no client waits for: it is sent to the copies of its query alone. */
  readonly isSentOnce?: boolean;
}

export const createCopies = ({ client, alias, timeoutMs, isSentOnce = false }: CopiesOptions): AskCopies => {
  const parts = isSentOnce ? 1 : PARTS;
  let kept: { readonly choice: Choice; readonly endsAt: number } | undefined;
  let nodes: readonly string[] = [];
  let isLooking = false;
  let again = 0;

  /** Answered by the node that is asked, from what it knows: the master may be the one that stands still. */
  const look = async (): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    // Without an answer, or the privilege, Elasticsearch alone chooses.
    const found = await client
      .searchShards({ index: alias, local: true }, { requestTimeout: timeoutMs / PARTS })
      .catch(() => undefined);
    if (found !== undefined) nodes = Object.keys(found.nodes);
    isLooking = false;
  };

  /**
   * Elasticsearch's own choice, and then each without another node. By its own it avoids nodes that owe answers to the one that is
   * asked, and begins with those that have never given it one: where that is the one that stands still, it never avoids it.
   */
  const others = (): readonly Choice[] => [
    {},
    ...(nodes.length < 2 ? [] : nodes).map((node) => ({
      preference: `_prefer_nodes:${nodes.filter((other) => other !== node).join()}`,
    })),
  ];

  return async <T>(query: string, send: (choice: Choice, sending: Sending) => Promise<T>): Promise<T> => {
    const endsAt = performance.now() + timeoutMs;
    const answered = new AbortController();
    // What was answered before is sent twice: the node that takes the request may be the one that stands still.
    const first = kept !== undefined && performance.now() < kept.endsAt ? kept.choice : undefined;
    const choiceOf = (number: number): Choice | undefined => {
      // Elasticsearch reserves names that begin with an underscore, which a hash may do.
      if (first === undefined) return number === 0 ? { preference: `query-${query}` } : others()[number - 1];
      return number < 2 ? first : others().filter(({ preference }) => preference !== first.preference)[number - 2];
    };
    const sent: Promise<T>[] = [];
    const sendNext = (): void => {
      const number = sent.length;
      const choice = choiceOf(number);
      if (choice === undefined || (number > 0 && again >= MAX_AGAIN)) return;
      const onAnswer = (answer: T): T => {
        if (number > 0) kept = { choice, endsAt: performance.now() + KEPT_MS };
        if (sent.length > 1) answered.abort();
        return answer;
      };
      const sending = { requestTimeout: Math.max(1, endsAt - performance.now()), signal: answered.signal };
      if (number > 0) again += 1;
      const asked = send(choice, sending)
        .then(onAnswer)
        .finally(() => {
          if (number > 0) again -= 1;
        });
      sent.push(asked);
    };
    try {
      for (let part = 1; ; part += 1) {
        sendNext();
        if (part >= parts || !(await isOpenAfter(timeoutMs / PARTS, Promise.any(sent)))) return await Promise.any(sent);
        void look();
      }
    } catch (error) {
      throw error instanceof AggregateError ? error.errors[0] : error;
    }
  };
};

const isOpenAfter = (ms: number, promise: Promise<unknown>): Promise<boolean> => {
  const settled = new AbortController();
  const no = (): boolean => {
    settled.abort();
    return false;
  };
  return Promise.race([promise.then(no, no), sleep(ms, settled.signal).then(() => !settled.signal.aborted)]);
};
