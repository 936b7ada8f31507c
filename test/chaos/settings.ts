/** How the services of a run are set, chosen by its seed. */
export const APIS = 2;

export interface RunSettings {
  readonly RELAY_LANES: string;
  readonly GROUP_PROTOCOL: 'classic' | 'consumer';
}

/** Four runs in sequence have both numbers of lanes with both protocols. */
export const settingsOf = (seed: number): RunSettings => ({
  RELAY_LANES: String(seed % 2 === 0 ? APIS : 1),
  GROUP_PROTOCOL: seed % 4 < 2 ? 'classic' : 'consumer',
});

/** For people. */
export const describeSettings = (settings: RunSettings): string =>
  Object.entries(settings)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
