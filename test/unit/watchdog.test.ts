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
    watchdog.observe({ lag: new Map([[0, 5]]), gone: [] });
    advance(900);
    watchdog.observe({ lag: new Map([[0, 5]]), gone: [] });
    watchdog.check();
    advance(200);
    expect(watchdog.check).toThrow(/5 events wait/);
  });

  it('is silent while idle, however long, and starts its clock when lag appears', () => {
    const { watchdog, advance } = at(1_000);
    watchdog.observe({ lag: new Map([[0, 0]]), gone: [] });
    advance(1_000_000);
    watchdog.check();
    watchdog.observe({ lag: new Map([[0, 1]]), gone: [] });
    advance(999);
    watchdog.check();
  });

  it('is silent while attempts are made, as with a server that is down', () => {
    const { watchdog, advance } = at(1_000);
    watchdog.observe({ lag: new Map([[0, 5]]), gone: [] });
    for (let i = 0; i < 10; i += 1) {
      advance(900);
      watchdog.progress();
      watchdog.observe({ lag: new Map([[0, 5]]), gone: [] });
      watchdog.check();
    }
  });

  it('barks for one partition that stands still while others go on', () => {
    const { watchdog, advance } = at(1_000);
    const lag = new Map([
      [0, 5],
      [1, 7],
    ]);
    watchdog.observe({ lag: lag, gone: [] });
    for (let i = 0; i < 2; i += 1) {
      advance(600);
      watchdog.progress([0]);
      watchdog.observe({ lag: lag, gone: [] });
    }
    expect(watchdog.check).toThrow(/7 events wait in partition 1/);
    watchdog.observe({ lag: new Map([[0, 5]]), gone: [] });
    watchdog.check();
  });

  it('barks for one partition that stands still under the traffic of others, and counts no time in which a batch was at work', () => {
    const { watchdog, advance } = at(1_000);
    const reading = { lag: new Map([[1, 7]]), gone: [] };
    const batchOfAnother = (ms: number) => {
      for (let spent = 0; spent < ms; spent += 900) {
        advance(900);
        watchdog.progress();
        watchdog.check();
      }
      watchdog.progress([0], ms);
      watchdog.observe(reading);
    };
    watchdog.observe(reading);
    // Elasticsearch is slow: each batch takes longer than the limit.
    for (let i = 0; i < 5; i += 1) {
      batchOfAnother(2_700);
      watchdog.check();
    }
    // It is not: the partition waits for nothing that anybody does.
    for (let i = 0; i < 11; i += 1) {
      advance(100);
      watchdog.progress();
      watchdog.progress([0], 1);
      watchdog.observe(reading);
    }
    expect(watchdog.check).toThrow(/7 events wait in partition 1/);
  });

  it('is silent while Kafka does not say what waits, and starts its clock again when it does', () => {
    const { watchdog, advance } = at(1_000);
    const reading = { lag: new Map([[0, 5]]), gone: [] };
    watchdog.observe(reading);
    for (let i = 0; i < 90; i += 1) {
      advance(1_000);
      watchdog.observe({ lag: new Map(), gone: [] });
      watchdog.check();
    }
    watchdog.observe(reading);
    advance(900);
    watchdog.check();
    advance(200);
    expect(watchdog.check).toThrow(/5 events wait/);
  });

  it('barks when a partition is held that the topic does not have, whatever else is done', () => {
    const { watchdog, advance } = at(1_000);
    const reading = { lag: new Map([[0, 0]]), gone: [7] };
    watchdog.observe(reading);
    advance(1_100);
    watchdog.progress();
    watchdog.observe(reading);
    expect(watchdog.check).toThrow(/partition 7 is assigned/);
    watchdog.observe({ lag: new Map([[0, 0]]), gone: [] });
    watchdog.check();
  });
});
