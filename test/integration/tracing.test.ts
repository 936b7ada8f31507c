import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { headerOf } from '../../services/platform/kafka/headers.ts';
import { startOtlpReceiver, type OtlpReceiver } from '../support/otlp-receiver.ts';
import { createPipeline, createTask, type Pipeline } from '../support/pipeline.ts';
import { createTcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait.ts';

let collector: OtlpReceiver;
let pipeline: Pipeline;

beforeAll(async () => {
  collector = await startOtlpReceiver();
  pipeline = await createPipeline();
});
afterAll(async () => {
  await pipeline.close();
  collector.close();
});

describe('a trace', () => {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
  const tracestate = 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE';

  it('leads from the request over the event to the bulk write', async () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    const [api] = await Promise.all([pipeline.startApi(env), pipeline.startIndexer(env)]);
    const { id } = await createTask(api, 'traced', { traceparent, tracestate });

    const request = await waitFor('the span of the request', () =>
      collector.spans.find((span) => span.name === 'POST /tasks' && span.traceId === traceId),
    );
    expect(request).toMatchObject({ service: 'taskstream-api', parentSpanId: '00f067aa0ba902b7' });
    for (const [service, name] of [
      ['taskstream-api', `${pipeline.topics.tasks} publish`],
      ['taskstream-indexer', `${pipeline.topics.tasks} process`],
    ]) {
      const batch = await waitFor(`the span ${String(name)}`, () =>
        collector.spans.find((span) => span.service === service && span.name === name && span.links.length > 0),
      );
      expect(batch.links).toContainEqual({ traceId, spanId: request.spanId, traceState: tracestate });
    }
    const messages = await pipeline.topics.readAll(pipeline.topics.tasks);
    const event = messages.find(({ key }) => key?.toString() === id);
    expect(headerOf(event, 'traceparent')).toBe(`00-${traceId}-${request.spanId}-01`);
    expect(headerOf(event, 'tracestate')).toBe(tracestate);
  });

  it('of a caller is passed on, even when this service records none of its own', async () => {
    const api = await pipeline.startApi();
    const { id } = await createTask(api, 'passed on', { traceparent, tracestate });
    const event = await waitFor('the event', async () =>
      (await pipeline.topics.readAll(pipeline.topics.tasks)).find(({ key }) => key?.toString() === id),
    );
    expect(headerOf(event, 'traceparent')).toBe(traceparent);
    expect(headerOf(event, 'tracestate')).toBe(tracestate);
  });

  it('that a collector does not take leaves the stop clean, and says so', async () => {
    const silent = await createTcpProxy(Number(new URL(collector.url).port));
    silent.blackHole();
    try {
      const api = await pipeline.startApi({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${silent.port}` });
      await createTask(api, 'traced in vain');
      api.child.kill();
      expect(await api.exited).toEqual({ code: 0, signal: null });
      expect(api.logs()).toContain('the last traces were not sent');
    } finally {
      await silent.close();
    }
  });
});
