/** Sizes in the words of PostgreSQL, and which of them it takes for what. */

const KB_OF_UNIT = { kB: 1, MB: 1_024, GB: 1_024 * 1_024 } as const;
type Unit = keyof typeof KB_OF_UNIT;

/** In the chart's schema too: ten digits of GB are still a number of kB that Helm computes with. */
export const MEMORY_SIZE = /^[1-9]\d{0,9}(?:kB|MB|GB)$/;

export interface MemorySetting {
  /** As PostgreSQL names it. */
  readonly parameter: string;
  readonly least: string;
  /** In whole GB, which may be a little below what the server takes. */
  readonly most: string;
}

/** What PostgreSQL 18 takes (`pg_settings`); a test asks a real one. */
export const MEMORY_SETTINGS = {
  sharedBuffers: { parameter: 'shared_buffers', least: '128kB', most: '8191GB' },
  effectiveCacheSize: { parameter: 'effective_cache_size', least: '8kB', most: '16383GB' },
  workMem: { parameter: 'work_mem', least: '64kB', most: '2047GB' },
  maintenanceWorkMem: { parameter: 'maintenance_work_mem', least: '64kB', most: '2047GB' },
} as const satisfies Readonly<Record<string, MemorySetting>>;

/** @param size as `MEMORY_SIZE` has it */
export const kbOf = (size: string): number => Number.parseInt(size, 10) * KB_OF_UNIT[size.slice(-2) as Unit];

/** The same, as a Go template says it. */
export const kbInTemplate = (reference: string): string => {
  const units = Object.entries(KB_OF_UNIT).map(([unit, kb]) => `"${unit}" ${kb}`);
  return `(mul (int64 (regexFind "^[0-9]+" ${reference})) (int64 (get (dict ${units.join(' ')}) (regexFind "[kMG]B$" ${reference}))))`;
};

export const isTaken = (size: string, { least, most }: MemorySetting): boolean =>
  MEMORY_SIZE.test(size) && kbOf(size) >= kbOf(least) && kbOf(size) <= kbOf(most);

/** For whoever wrote another size. */
export const mustBe = ({ least, most }: MemorySetting): string =>
  `must be a size of PostgreSQL from ${least} to ${most}, such as 512MB or 2GB`;
