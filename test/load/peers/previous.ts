/** The release before this one. */
import { checkOutPreviousRelease } from '../../support/previous-release.ts';
import type { PeerModule } from './peer.ts';

export const benches: PeerModule['benches'] = ['relay', 'cost'];

export const open: PeerModule['open'] = async () => {
  const release = await checkOutPreviousRelease();
  const name = `relay of release ${release.version}`;
  return {
    name,
    release,
    start: async (stack) => [await stack.start('api', name, release.checkout)],
    close: () => release.remove(),
  };
};
