import { describe, expect, it } from 'vitest';
import { parseTraceparent, traceparentOf } from '../../services/platform/telemetry.ts';

describe('traceparent', () => {
  const valid = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

  it('survives reading and writing', () => {
    const context = parseTraceparent(valid);
    expect(context && traceparentOf(context)).toBe(valid);
  });

  it.each([
    undefined,
    '',
    'nonsense',
    '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
    '00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01',
    'ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  ])('ignores %s', (header) => {
    expect(parseTraceparent(header)).toBeUndefined();
  });
});
