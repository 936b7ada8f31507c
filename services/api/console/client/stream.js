/** A stream of server-sent events that comes back by itself, also after an answer that is no stream. */

const AGAIN_MS = 2_000;

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
  const open = () => {
    const opened = new EventSource(path);
    source = opened;
    opened.addEventListener('open', () => {
      onConnection(true);
    });
    opened.addEventListener('error', () => {
      onConnection(false);
      // The browser connects again by itself after a cut, and gives up after an answer such as 503.
      if (opened.readyState === EventSource.CLOSED) timer = setTimeout(open, AGAIN_MS);
    });
    for (const [name, handle] of Object.entries(handlers)) {
      opened.addEventListener(name, (event) => {
        handle(JSON.parse(event.data));
      });
    }
  };
  open();
  return () => {
    clearTimeout(timer);
    source?.close();
  };
};
