/** A client of server-sent events, as a browser is one. */

export interface EventStreamClient {
  readonly status: number;
  readonly headers: Headers;
  /** The next event's name and data; nothing once the stream has ended. */
  next(): Promise<{ readonly event: string; readonly data: unknown } | undefined>;
  close(): void;
}

export const openEventStream = async (
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<EventStreamClient> => {
  const abort = new AbortController();
  const response = await fetch(url, { headers, signal: abort.signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const nextBlock = async (): Promise<string | undefined> => {
    for (;;) {
      const end = text.indexOf('\n\n');
      if (end !== -1) {
        const block = text.slice(0, end);
        text = text.slice(end + 2);
        return block;
      }
      const chunk = await reader?.read();
      if (chunk === undefined || chunk.done) return undefined;
      text += chunk.value;
    }
  };
  return {
    status: response.status,
    headers: response.headers,
    next: async () => {
      for (;;) {
        const block = await nextBlock();
        if (block === undefined) return undefined;
        const [, event = '', data = ''] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
        if (event !== '') return { event, data: JSON.parse(data) };
      }
    },
    close: () => {
      abort.abort();
    },
  };
};
