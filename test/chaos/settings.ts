/** How the services of a run are set, chosen by its seed. */
export const APIS = 2;

export const GROUP_PROTOCOLS = ['classic', 'consumer'] as const;
type GroupProtocol = (typeof GROUP_PROTOCOLS)[number];

export interface RunSettings {
  readonly RELAY_LANES: string;
  readonly GROUP_PROTOCOL: GroupProtocol;
}

/**
 * Six runs in sequence have both numbers of lanes with both protocols. Five has no factor in common with a round of the faults, so a
 * fault does not meet the same protocol in each.
 * @param protocol of all runs; chosen by the seed when not given
 */
export const settingsOf = (seed: number, protocol?: GroupProtocol): RunSettings => ({
  RELAY_LANES: String(seed % 2 === 0 ? APIS : 1),
  GROUP_PROTOCOL: protocol ?? (seed % 5 < 2 ? 'classic' : 'consumer'),
});

/** For people. */
export const describeSettings = (settings: RunSettings): string =>
  Object.entries(settings)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
