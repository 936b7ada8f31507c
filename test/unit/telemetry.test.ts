import { trace } from '@opentelemetry/api';
import { describe, expect, it } from 'vitest';
import { contextFrom, traceHeadersOf, type ReceivedTraceHeaders } from '../../services/platform/telemetry.ts';

describe('trace context', () => {
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const passedOn = (headers: ReceivedTraceHeaders) => {
    const spanContext = trace.getSpanContext(contextFrom(headers));
    return spanContext && traceHeadersOf(spanContext);
  };

  it.each([
    [{ traceparent }, { traceparent, tracestate: null }],
    [
      { traceparent, tracestate: 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE' },
      { traceparent, tracestate: 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE' },
    ],
    // Members that are not valid go, and flags that level 1 does not know are zero.
    [
      { traceparent, tracestate: 'no member, congo=t61rcWkgMzE' },
      { traceparent, tracestate: 'congo=t61rcWkgMzE' },
    ],
    [
      { traceparent, tracestate: 'nothing valid' },
      { traceparent, tracestate: null },
    ],
    [{ traceparent: traceparent.replace(/01$/, 'ff') }, { traceparent, tracestate: null }],
  ])('survives reading and writing: %j', (headers, expected) => {
    expect(passedOn(headers)).toEqual(expected);
  });

  it.each([
    undefined,
    null,
    '',
    'nonsense',
    '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
    '00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01',
    'ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  ])('is none where traceparent is %s, whatever else is given', (header) => {
    expect(passedOn({ traceparent: header, tracestate: 'congo=t61rcWkgMzE' })).toBeUndefined();
  });
});
