import { describe, expect, it } from 'vitest';
import { createWatchdog } from '../../services/pipeline/consume/watchdog.ts';

const at = (stallMs: number) => {
  let now = 0;
  const watchdog = createWatchdog(stallMs, () => now);
  return { watchdog, advance: (ms: number) => void (now += ms) };
};

describe('the progress watchdog', () => {
  it('barks when events wait and nothing is done', () => {
    const { watchdog, advance } = at(1_000);
    watchdog.observeLag(new Map([[0, 5]]));
    advance(900);
    watchdog.observeLag(new Map([[0, 5]]));
    watchdog.check();
    advance(200);
    expect(watchdog.check).toThrow(/5 events wait/);
  });

  it('is silent while idle, however long, and starts its clock when lag appears', () => {
    const { watchdog, advance } = at(1_000);
    watchdog.observeLag(new Map([[0, 0]]));
    advance(1_000_000);
    watchdog.check();
    watchdog.observeLag(new Map([[0, 1]]));
    advance(999);
    watchdog.check();
  });

  it('is silent while attempts are made, as with a server that is down', () => {
    const { watchdog, advance } = at(1_000);
    watchdog.observeLag(new Map([[0, 5]]));
    for (let i = 0; i < 10; i += 1) {
      advance(900);
      watchdog.progress();
      watchdog.observeLag(new Map([[0, 5]]));
      watchdog.check();
    }
  });

  it('barks for one partition that stands still while others go on', () => {
    const { watchdog, advance } = at(1_000);
    const lag = new Map([
      [0, 5],
      [1, 7],
    ]);
    watchdog.observeLag(lag);
    for (let i = 0; i < 2; i += 1) {
      advance(600);
      watchdog.progress([0]);
      watchdog.observeLag(lag);
    }
    expect(watchdog.check).toThrow(/7 events wait in partition 1/);
    watchdog.observeLag(new Map([[0, 5]]));
    watchdog.check();
  });
});
