/** The end of a command that runs until a signal stops it. */

/** Aborts on the first SIGINT or SIGTERM, so that the command ends tidily; the second one ends it at once. */
export const stopSignal = (): AbortSignal => {
  const abort = new AbortController();
  const onSignal = (name: 'SIGINT' | 'SIGTERM', number: number) => {
    process.on(name, () => {
      if (abort.signal.aborted) process.exit(128 + number);
      abort.abort(new Error(name));
    });
  };
  onSignal('SIGINT', 2);
  onSignal('SIGTERM', 15);
  return abort.signal;
};
