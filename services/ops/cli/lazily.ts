/** What a command does, loaded when it does it: clients of servers take longer to load than a help takes to read. */

/** An action for `Command.action`, which takes what the loaded one takes. */
export const lazily =
  <A extends unknown[]>(load: () => Promise<(...args: A) => Promise<void> | void>) =>
  async (...args: A): Promise<void> => {
    await (
      await load()
    )(...args);
  };
