/** The release before this one. */
import { checkOutPreviousRelease } from '../../support/previous-release.ts';
import type { OpenPeer } from './peer.ts';

export const open: OpenPeer = async () => {
  const release = await checkOutPreviousRelease();
  const name = `relay of release ${release.version}`;
  return {
    name,
    start: async (stack) => [await stack.startOther('api', name, release.checkout)],
    close: () => release.remove(),
  };
};
