/** A collector that keeps the spans it is sent (OTLP/HTTP with JSON). */
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { z } from 'zod';

const attribute = z.object({ key: z.string(), value: z.record(z.string(), z.unknown()) });
const span = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
  attributes: z.array(attribute).default([]),
  links: z.array(z.object({ traceId: z.string(), spanId: z.string(), traceState: z.string().optional() })).default([]),
});
const traces = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: z.array(attribute) }),
      scopeSpans: z.array(z.object({ spans: z.array(span) })),
    }),
  ),
});

export type ReceivedSpan = z.infer<typeof span> & { readonly service: string };

export interface OtlpReceiver {
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  close(): void;
}

export const startOtlpReceiver = async (): Promise<OtlpReceiver> => {
  const spans: ReceivedSpan[] = [];
  const app = new Hono();
  app.post('/v1/traces', async (c) => {
    for (const { resource, scopeSpans } of traces.parse(await c.req.json()).resourceSpans) {
      const name = resource.attributes.find(({ key }) => key === 'service.name')?.value['stringValue'];
      for (const { spans: found } of scopeSpans) spans.push(...found.map((one) => ({ ...one, service: String(name) })));
    }
    return c.json({});
  });
  return new Promise((resolve) => {
    const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => {
      resolve({
        url: `http://127.0.0.1:${port}`,
        spans,
        close: () => {
          server.close();
        },
      });
    });
  });
};
