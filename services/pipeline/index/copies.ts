/**
 * Which copies of its index a search asks. A node that stands still keeps its copies until three checks of 10 s have failed; until
 * then a search that only ever asks one of them has no answer.
 */
import type { Client } from '@elastic/elasticsearch';
import { withPart } from '../../platform/elasticsearch-answer.ts';

/** A search that was not answered in a part of its time is sent again, to other copies; so many parts it has. */
const PARTS = 5;
/** For so long all searches begin with what was answered where something else was not: longer than the three checks. */
const PROVEN_MS = 60_000;

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

/**
 * Whichever searches stand still, one of them at a time tries what nobody knows to be answered; the others follow once it was. So
 * servers that are only slow get one search more at a time, and what was tried in vain is tried once and not by each search.
 */
export const createCopies = ({ client, alias, timeoutMs, isSentOnce = false }: CopiesOptions): AskCopies => {
  const parts = isSentOnce ? 1 : PARTS;
  let proven: { readonly choice: Choice; readonly endsAt: number } | undefined;
  let nodes: readonly string[] = [];
  let isLooking = false;
  let isTrying = false;
  /** Which choice is tried next. */
  let turn = 0;

  /** Answered by the node that is asked, from what it knows: the master may be the one that stands still. */
  const look = async (): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    try {
      const shards = await client.searchShards({ index: alias, local: true }, { requestTimeout: timeoutMs / PARTS });
      nodes = Object.keys(withPart(shards, 'nodes').nodes).sort();
    } catch {
      // Without an answer, or the privilege, Elasticsearch alone chooses.
    } finally {
      isLooking = false;
    }
  };

  /**
   * Elasticsearch's own choice, and then each without another node. By its own it avoids nodes that owe answers to the one that is
   * asked, and begins with those that have never given it one: where that is the one that stands still, it never avoids it.
   */
  const choices = (): readonly Choice[] => [
    {},
    ...(nodes.length < 2 ? [] : nodes).map((node) => ({
      preference: `_prefer_nodes:${nodes.filter((other) => other !== node).join()}`,
    })),
  ];
  const nextChoice = (): Choice => {
    const all = choices();
    return all[turn % all.length] ?? {};
  };
  const provenChoice = (): Choice | undefined =>
    proven !== undefined && performance.now() < proven.endsAt ? proven.choice : undefined;

  return async <T>(query: string, send: (choice: Choice, sending: Sending) => Promise<T>): Promise<T> => {
    const endsAt = performance.now() + timeoutMs;
    const isOver = new AbortController();
    const sendTo = (choice: Choice, ...signals: readonly AbortSignal[]): Promise<T> =>
      send(choice, {
        requestTimeout: Math.max(1, endsAt - performance.now()),
        signal: AbortSignal.any([isOver.signal, ...signals]),
      });
    // Elasticsearch reserves names that begin with an underscore, which a hash may do.
    const first = provenChoice() ?? { preference: `query-${query}` };
    const asked = [first];
    const sent = [sendTo(first)];
    let givesUp: AbortController | undefined;
    let isTrier = false;
    /** @param inVain whether what it tried has not been answered, or refused */
    const stopTrying = (inVain: boolean): void => {
      if (!isTrier) return;
      [isTrier, isTrying] = [false, false];
      if (inVain) turn += 1;
    };
    /** To what another search was answered by; else it is this one that tries, unless another one does. */
    const sendAgain = (): void => {
      stopTrying(true);
      const known = provenChoice();
      const isKnown = known !== undefined && !asked.some(({ preference }) => preference === known.preference);
      if (!isKnown && isTrying) return;
      if (!isKnown) [isTrier, isTrying] = [true, true];
      const choice = isKnown ? known : nextChoice();
      // Of one search there are never more than the first and one other.
      givesUp?.abort();
      givesUp = new AbortController();
      asked.push(choice);
      const answer = sendTo(choice, givesUp.signal).then((result) => {
        if (!isKnown) proven = { choice, endsAt: performance.now() + PROVEN_MS };
        return result;
      });
      sent.push(answer);
    };
    try {
      for (let part = 1; part < parts && (await isOpenAfter(timeoutMs / PARTS, Promise.any(sent))); part += 1) {
        void look();
        sendAgain();
      }
      return await Promise.any(sent);
    } catch (error) {
      stopTrying(true);
      throw error instanceof AggregateError ? error.errors[0] : error;
    } finally {
      stopTrying(false);
      isOver.abort();
    }
  };
};

const isOpenAfter = (ms: number, promise: Promise<unknown>): Promise<boolean> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => {
      resolve(true);
    }, ms);
    const settle = (): void => {
      clearTimeout(timer);
      resolve(false);
    };
    promise.then(settle, settle);
  });
