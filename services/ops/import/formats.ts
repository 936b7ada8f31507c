/** What files of tasks can be like. */
export const FORMATS = ['ndjson', 'csv', 'todotxt'] as const;
export type Format = (typeof FORMATS)[number];
