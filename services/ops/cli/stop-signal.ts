/** The end of a command that runs until a signal stops it. */

/** Aborts on the first SIGINT, SIGTERM or SIGHUP (a terminal that was closed), so that the command ends tidily; the second one ends it at once. */
export const stopSignal = (): AbortSignal => {
  const abort = new AbortController();
  const onSignal = (name: NodeJS.Signals, number: number) => {
    process.on(name, () => {
      if (abort.signal.aborted) process.exit(128 + number);
      abort.abort(new Error(name));
    });
  };
  onSignal('SIGHUP', 1);
  onSignal('SIGINT', 2);
  onSignal('SIGTERM', 15);
  return abort.signal;
};
