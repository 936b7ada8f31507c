/** Who may become primary: CloudNativePG's rule with `failoverQuorum` (docs/adr/0035-failover-quorum.md). */

/** What the primary's commits wait for: any `number` of `names`. */
export interface Quorum {
  readonly number: number;
  readonly names: readonly string[];
}

/** A standby that answers and receives nothing any more. */
export interface Candidate {
  readonly name: string;
  /** Bytes of WAL that it has. */
  readonly received: bigint;
}

/** As `synchronous_standby_names` says it. */
export const describeQuorum = ({ number, names }: Quorum): string =>
  `ANY ${number} (${names.map((name) => `"${name}"`).join(', ')})`;

/**
 * The standby to promote: the one that has the most, where one of the candidates must have every acknowledged commit.
 * R candidates that could have confirmed, of N, and W that each commit waited for: R + W > N. Otherwise nobody.
 */
export const chooseSuccessor = <C extends Candidate>(quorum: Quorum, candidates: readonly C[]): C | undefined => {
  const counted = candidates.filter(({ name }) => quorum.names.includes(name));
  if (counted.length + quorum.number <= quorum.names.length) return undefined;
  return counted.reduce((best, other) => (other.received > best.received ? other : best));
};
