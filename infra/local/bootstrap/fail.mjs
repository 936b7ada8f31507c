/** How the local tools end on a fault of the environment: one sentence on what to do, no stack trace, exit code 1. */

/** A fault that the person at the terminal can repair; its message is one sentence that says how. */
export class UserError extends Error {
  /** @param {string} message @param {ErrorOptions} [options] */
  constructor(message, options) {
    super(message, options);
    this.name = 'UserError';
  }
}

/**
 * Prints why the tool ends: the sentence alone for a `UserError`, with the stack for anything unforeseen.
 * @param {unknown} error
 */
export const printError = (error) => {
  const text = error instanceof UserError ? error.message : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`\ntaskstream: ${text}\n`);
};
