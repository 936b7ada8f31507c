/**
 * Keeps the list as things are by now, whoever changed them: a row on show is read again and drawn anew, and what is new
 * is counted until the person asks for it, as nothing may move under their finger.
 */
import { api, ApiProblem } from './api.js';

/**
 * @typedef {import('../feed.ts').News} News
 * @typedef {import('./api.js').Task} Task
 * @typedef {{
 *   ids: () => string[],
 *   versionOf: (id: string) => number | undefined,
 *   isEdited: (id: string) => boolean,
 *   replace: (task: Task) => void,
 *   markGone: (id: string) => void,
 *   isSearch: () => boolean,
 *   newest: () => Promise<Task[] | undefined>,
 *   found: (heard: ReadonlyMap<string, unknown>) => Promise<number | undefined>,
 * }} Rows
 *   `versionOf`: nothing for what is not on show or gone; `newest`: nothing while a search is on show; `found`: how much more
 *   the search on show finds by now, and what of the changes heard of; nothing while the newest are on show
 */

/** A row that changes all the time is read so often and no more. */
const ROW_MS = 500;
/** The same for the whole list. */
const LIST_MS = 2_000;
/** Rows that are read at a time where the feed has not told of each change. */
const MOST_ROWS = 30;
/** A search is asked again so often after the last change: a change is found a moment after it is told. */
const LOOKS = 2;
const MOST_NEW = 999;

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @param {Rows} rows @param {(count: string | undefined) => void} showCount nothing when there is nothing new */
export const createLive = (rows, showCount) => {
  /** When each new one was heard of; while a search is on show each change. @type {Map<string, number>} */
  const fresh = new Map();
  /** What the search on show would find besides. */
  let found = 0;
  let looks = 0;
  let isLooking = false;
  /** The version that a row should have. @type {Map<string, number>} */
  const wanted = new Map();
  /** @type {Set<string>} */
  const reading = new Set();
  let isSummed = false;
  let isLoaded = false;
  let isCatchingUp = false;
  let isBehind = false;
  let followingSince = Number.NEGATIVE_INFINITY;

  const show = () => {
    const count = rows.isSearch() ? found : fresh.size;
    const more = count > MOST_NEW || (isSummed && !rows.isSearch());
    showCount(count === 0 ? undefined : `${Math.min(count, MOST_NEW)}${more ? '+' : ''}`);
  };

  /** Past what is counted, it is one of many. @param {string} id */
  const note = (id) => {
    if (fresh.size <= MOST_NEW) fresh.set(id, performance.now());
    else isSummed = true;
  };

  /** @param {string} id */
  const isOld = (id) => (rows.versionOf(id) ?? Number.POSITIVE_INFINITY) < (wanted.get(id) ?? 0);

  /** Reads a row until it is as new as what was told of it. @param {string} id @param {number} version */
  const refresh = async (id, version) => {
    wanted.set(id, Math.max(version, wanted.get(id) ?? 0));
    if (reading.has(id)) return;
    reading.add(id);
    try {
      while (isOld(id) && !rows.isEdited(id)) {
        const task = await read(id);
        if (task !== undefined && isOld(id) && !rows.isEdited(id)) rows.replace(task);
        await pause(task === undefined ? LIST_MS : ROW_MS);
      }
      if (!isOld(id)) wanted.delete(id);
    } finally {
      reading.delete(id);
    }
  };

  /** Nothing while it cannot be read; what is gone is marked so. @param {string} id */
  const read = async (id) => {
    try {
      return await api.read(id);
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      if (error.status === 404) rows.markGone(id);
      return undefined;
    }
  };

  /** Whether a change touches a search, the search itself knows. */
  const lookAgain = async () => {
    looks = LOOKS;
    if (isLooking) return;
    isLooking = true;
    while (looks > 0 && rows.isSearch()) {
      await pause(LIST_MS);
      looks -= 1;
      // What cannot be asked now is asked again.
      const count = await rows.found(fresh).catch(() => {
        looks = Math.max(1, looks);
        return undefined;
      });
      if (count !== undefined) found = count;
      show();
    }
    isLooking = false;
  };

  /** What the feed has not told one by one, or not at all. */
  const catchUp = async () => {
    isBehind = true;
    if (isCatchingUp || !isLoaded) return;
    isCatchingUp = true;
    while (isBehind) {
      isBehind = false;
      // What cannot be read now is read again.
      const page = await rows.newest().catch(() => {
        isBehind = true;
        return undefined;
      });
      const shown = rows.ids();
      const known = new Set(shown);
      let isAbove = true;
      for (const { id, version } of page ?? []) {
        const before = rows.versionOf(id);
        if (before !== undefined) {
          isAbove = false;
          if (before < version) void refresh(id, version);
        } else if (known.has(id)) isAbove = false;
        else if (isAbove) note(id);
      }
      // Not even the oldest of them is on show: there are more.
      if (isAbove && shown.length > 0 && page !== undefined) isSummed = true;
      if (rows.isSearch()) void lookAgain();
      show();
      const onPage = new Set(page?.map(({ id }) => id));
      const others = shown.filter((id) => !onPage.has(id));
      for (const [n, id] of others.entries()) {
        if (n > 0 && n % MOST_ROWS === 0) await pause(LIST_MS);
        const version = rows.versionOf(id);
        if (version === undefined) continue;
        const task = await read(id);
        if (task !== undefined && task.version > version) void refresh(id, task.version);
        if (task === undefined && rows.versionOf(id) !== undefined) isBehind = true;
      }
      show();
      await pause(LIST_MS);
    }
    isCatchingUp = false;
  };

  return {
    /** @param {News} news */
    tell: ({ changes, more }) => {
      const isSearch = rows.isSearch();
      for (const { kind, id, version } of changes) {
        const shown = rows.versionOf(id);
        if (kind === 'deleted') {
          fresh.delete(id);
          if (shown !== undefined) rows.markGone(id);
        } else if (shown !== undefined) {
          if (version > shown) void refresh(id, version);
        } else if ((kind === 'created' || isSearch) && !rows.ids().includes(id)) {
          note(id);
          if (isSearch) void lookAgain();
        }
      }
      if (more > 0) {
        isSummed = true;
        void catchUp();
      }
      show();
    },
    /** From now on every change is told; what came between the list and now was not. */
    following: () => {
      followingSince = performance.now();
      void catchUp();
    },
    /** The list was read. @param {number} askedAt by `performance.now` */
    loaded: (askedAt) => {
      isLoaded = true;
      isSummed = false;
      found = 0;
      const shown = new Set(rows.ids());
      for (const [id, at] of fresh) if (at < askedAt || shown.has(id)) fresh.delete(id);
      if (followingSince > askedAt || isBehind) void catchUp();
      show();
    },
    /** It is on show by other means. @param {string} id */
    seen: (id) => {
      fresh.delete(id);
      show();
    },
    /** The person edits it no more. @param {string} id */
    released: (id) => {
      if (wanted.has(id)) void refresh(id, 0);
    },
  };
};
