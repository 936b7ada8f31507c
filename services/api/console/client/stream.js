/** A stream of server-sent events that comes back by itself, also after an answer that is no stream. */
import { checkSession, onSessionBack } from './session.js';

const [FIRST_WAIT_MS, LONGEST_WAIT_MS] = [2_000, 32_000];

/**
 * @param {string} path
 * @param {Record<string, (data: any) => void>} handlers by the event's name
 * @param {(connected: boolean) => void} [onConnection]
 * @returns {() => void} ends it
 */
export const openStream = (path, handlers, onConnection = () => undefined) => {
  /** @type {EventSource | undefined} */
  let source;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let waitMs = FIRST_WAIT_MS;
  const open = () => {
    timer = undefined;
    const opened = new EventSource(path);
    source = opened;
    opened.addEventListener('open', () => {
      waitMs = FIRST_WAIT_MS;
      onConnection(true);
    });
    opened.addEventListener('error', () => {
      onConnection(false);
      // The browser connects again by itself after a cut, and gives up after an answer such as 503.
      if (opened.readyState !== EventSource.CLOSED) return;
      void checkSession();
      timer = setTimeout(open, waitMs);
      waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
    });
    // That of the stream: a login in another tab may have begun a later one.
    opened.addEventListener('session-ended', () => void checkSession());
    for (const [name, handle] of Object.entries(handlers)) {
      opened.addEventListener(name, (event) => {
        handle(JSON.parse(event.data));
      });
    }
  };
  const forget = onSessionBack(() => {
    waitMs = FIRST_WAIT_MS;
    if (timer === undefined) return;
    clearTimeout(timer);
    open();
  });
  open();
  return () => {
    forget();
    clearTimeout(timer);
    source?.close();
  };
};
