/**
 * OpenTelemetry traces. Without an OTLP endpoint nothing is recorded or sent; the W3C trace context of a caller
 * is still passed on from HTTP to the event, so that a trace begun elsewhere does not break here.
 * Contexts are passed explicitly: a write is carried out for many requests at once, where "the current context" of an
 * asynchronous call would be only one of them.
 */
import {
  defaultTextMapGetter,
  defaultTextMapSetter,
  ROOT_CONTEXT,
  trace,
  TraceFlags,
  type Context,
  type Link,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
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

/** The headers of W3C Trace Context (level 1, section 3); null where there is no trace to continue. */
export interface TraceHeaders {
  readonly traceparent: string | null;
  /** What the tracing systems of earlier callers pass on to those of later ones. */
  readonly tracestate: string | null;
}

/** As somebody else wrote them, who may have left one out. */
export type ReceivedTraceHeaders = { readonly [name in keyof TraceHeaders]?: string | null | undefined };

const propagator = new W3CTraceContextPropagator();

/** A context whose parent is the span that the headers name; an empty one when they are absent or not valid. */
export const contextFrom = (headers: ReceivedTraceHeaders): Context =>
  propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter);

/** The headers by which others continue the trace of a span. */
export const traceHeadersOf = (spanContext: SpanContext): TraceHeaders => {
  const carrier: Partial<Record<keyof TraceHeaders, string>> = {};
  // Flags that this level does not know are set to zero (section 3.2.2.5).
  const traceFlags = spanContext.traceFlags & TraceFlags.SAMPLED;
  propagator.inject(trace.setSpanContext(ROOT_CONTEXT, { ...spanContext, traceFlags }), carrier, defaultTextMapSetter);
  // A list without a valid member is empty.
  return { traceparent: carrier.traceparent ?? null, tracestate: carrier.tracestate || null };
};

/** Most links on a span; the SDK's own default limit. */
const MAX_LINKS = 128;

/** Links from the span of a batch to the requests that made its events; the first ones, where there are many. */
export const linksTo = (requests: Iterable<ReceivedTraceHeaders>): Link[] => {
  const links: Link[] = [];
  for (const headers of requests) {
    if (links.length === MAX_LINKS) break;
    const spanContext = trace.getSpanContext(contextFrom(headers));
    if (spanContext !== undefined) links.push({ context: spanContext });
  }
  return links;
};
