/** Kubernetes quantities, as numbers. */

/** `500m` or `1` as thousandths of a core. */
export const inMillicores = (quantity: string): number =>
  quantity.endsWith('m') ? Number(quantity.slice(0, -1)) : Number(quantity) * 1_000;

const MEBIBYTES = { Ki: 1 / 1_024, Mi: 1, Gi: 1_024, Ti: 1_048_576 } as const;

/** `512Mi` or `1Gi` in MiB. @throws when it has another unit */
export const inMebibytes = (quantity: string): number => {
  const [, number, unit] = /^([\d.]+)(Ki|Mi|Gi|Ti)$/.exec(quantity) ?? [];
  if (number === undefined || unit === undefined) throw new Error(`${quantity} is no size such as 512Mi`);
  return Number(number) * MEBIBYTES[unit as keyof typeof MEBIBYTES];
};
