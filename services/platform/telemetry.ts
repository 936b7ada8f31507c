/**
 * OpenTelemetry traces. Without an OTLP endpoint nothing is recorded or sent; the W3C `traceparent` of a caller is
 * still passed on from HTTP to the event, so that a trace begun elsewhere does not break here.
 * Contexts are passed explicitly: a write is carried out for many requests at once, where "the current context" of an
 * asynchronous call would be only one of them.
 */
import { context, trace, TraceFlags, type Context, type Link, type SpanContext, type Tracer } from '@opentelemetry/api';
import { optionalText, type EnvSpec } from './env.ts';

export const telemetryEnv = {
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    schema: optionalText(),
    description: 'Base URL of an OTLP/HTTP collector, such as `http://collector:4318`. Traces are off when unset.',
    defaultText: 'off',
  },
} as const satisfies EnvSpec;

export interface Telemetry {
  readonly tracer: Tracer;
  /** Sends what is buffered. */
  readonly close: () => Promise<void>;
}

/** Starts tracing for a service; the SDK is loaded only when there is somewhere to send to. */
export const startTelemetry = async (service: string, endpoint: string | undefined): Promise<Telemetry> => {
  if (endpoint === undefined) return { tracer: trace.getTracer(service), close: () => Promise.resolve() };
  const [{ NodeTracerProvider, BatchSpanProcessor }, { OTLPTraceExporter }, { resourceFromAttributes }] =
    await Promise.all([
      import('@opentelemetry/sdk-trace-node'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
    ]);
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces` });
  // Not registered globally: the spans of client libraries would double our own, which carry what an operator asks for.
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }),
    spanProcessors: [new BatchSpanProcessor(exporter, { scheduledDelayMillis: 1_000 })],
  });
  return { tracer: provider.getTracer(service), close: () => provider.shutdown() };
};

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const ALL_ZERO = /^0+$/;

/** Reads a W3C `traceparent` (Trace Context level 1, section 3.2); nothing when it is absent or not valid. */
export const parseTraceparent = (header: string | null | undefined): SpanContext | undefined => {
  const match = TRACEPARENT.exec(header ?? '');
  if (match === null) return undefined;
  const [, traceId = '', spanId = '', flags = ''] = match;
  if (ALL_ZERO.test(traceId) || ALL_ZERO.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED, isRemote: true };
};

/** Writes a span's `traceparent`, or null when there is no trace to continue. */
export const traceparentOf = (spanContext: SpanContext): string | null =>
  ALL_ZERO.test(spanContext.traceId)
    ? null
    : `00-${spanContext.traceId}-${spanContext.spanId}-${spanContext.traceFlags.toString(16).padStart(2, '0')}`;

/** A context whose parent is the span that `header` names, or an empty one. */
export const contextFrom = (header: string | null | undefined): Context => {
  const parent = parseTraceparent(header);
  return parent === undefined ? context.active() : trace.setSpanContext(context.active(), parent);
};

/** Most links on a span; the SDK's own default limit. */
const MAX_LINKS = 128;

/** Links from the span of a batch to the requests that made its events; the first ones, where there are many. */
export const linksTo = (traceparents: Iterable<string | null | undefined>): Link[] => {
  const links: Link[] = [];
  for (const traceparent of traceparents) {
    if (links.length === MAX_LINKS) break;
    const context = parseTraceparent(traceparent);
    if (context !== undefined) links.push({ context });
  }
  return links;
};
