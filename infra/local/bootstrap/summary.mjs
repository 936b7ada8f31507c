/** The closing line of a test run. */

/** @typedef {{ passed: number, failed: number, skipped: number }} Summary */

/**
 * `N passed, N failed`, and `, N skipped` when any were.
 * @param {Summary} summary
 */
export const summaryLine = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
