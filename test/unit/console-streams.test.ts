import { expect, it } from 'vitest';
import { createStreams } from '../../services/api/console/streams.ts';

it('leaves streams for others when one client has as many as it may have, and for all not above their bound', () => {
  const streams = createStreams({ most: 5, mostPerClient: 3, heartbeatMs: 60_000 });
  try {
    const [first] = Array.from({ length: 3 }, () => streams.open('192.0.2.1'));
    expect(() => streams.open('192.0.2.1')).toThrow('You have 3 streams open already');
    streams.open('192.0.2.2');
    streams.open('192.0.2.3');
    expect(() => streams.open('192.0.2.4')).toThrow('There are 5 streams open already');
    first?.end();
    expect(streams.open('192.0.2.1').signal.aborted).toBe(false);
  } finally {
    streams.endAll();
  }
});
