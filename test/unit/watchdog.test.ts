import { describe, expect, it } from 'vitest';
import { createWatchdog } from '../../services/indexer/watchdog.ts';

const at = (stallMs: number) => {
  let now = 0;
  const watchdog = createWatchdog(stallMs, () => now);
  return { watchdog, advance: (ms: number) => void (now += ms) };
};

describe('the progress watchdog', () => {
  it('barks when events wait and nothing is done', () => {
    const { watchdog, advance } = at(1_000);
    watchdog.observeLag(5);
    advance(900);
    watchdog.observeLag(5);
    watchdog.check();
    advance(200);
    expect(watchdog.check).toThrow(/5 events wait/);
  });

  it('is silent while idle, however long, and starts its clock when lag appears', () => {
    const { watchdog, advance } = at(1_000);
    watchdog.observeLag(0);
    advance(1_000_000);
    watchdog.check();
    watchdog.observeLag(1);
    advance(999);
    watchdog.check();
  });

  it('is silent while attempts are made, as with a server that is down', () => {
    const { watchdog, advance } = at(1_000);
    watchdog.observeLag(5);
    for (let i = 0; i < 10; i += 1) {
      advance(900);
      watchdog.progress();
      watchdog.observeLag(5);
      watchdog.check();
    }
  });
});
