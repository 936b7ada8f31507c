/** An HTTP proxy on loopback that a test can stop at a request of its choice, before it arrives or before its answer does. */
import { createServer, request as httpRequest } from 'node:http';

export interface HttpProxy {
  readonly url: string;
  close(): Promise<void>;
}

export interface ProxyAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface HttpProxyHooks {
  /** Resolves before the request goes on; with `false` it never does, and its connection ends. */
  readonly before?: (method: string, path: string) => Promise<boolean>;
  /** The status with which the proxy refuses a request itself; `bytes` is the length of the body. */
  readonly refuse?: (method: string, path: string, bytes: number) => number | undefined;
  /** What the proxy answers in the target's place. */
  readonly answer?: (method: string, path: string) => ProxyAnswer | undefined;
  /** Resolves before the answer goes back; with `false` it never does, and the connection ends. */
  readonly after?: (method: string, path: string) => Promise<boolean>;
}

export const createHttpProxy = async (
  targetUrl: string,
  { before, refuse, answer: answerOf, after }: HttpProxyHooks,
): Promise<HttpProxy> => {
  const target = new URL(targetUrl);
  const server = createServer((incoming, response) => {
    const { method = 'GET', url = '/', headers } = incoming;
    const drop = () => {
      incoming.socket.destroy();
    };
    const forward = async (): Promise<void> => {
      const status = refuse?.(method, url, Number(headers['content-length'] ?? 0));
      if (status !== undefined) {
        incoming.resume();
        incoming.on('end', () => response.writeHead(status, { 'content-type': 'text/html' }).end('<h1>refused</h1>'));
        return;
      }
      const own = answerOf?.(method, url);
      if (own !== undefined) {
        incoming.resume();
        incoming.on('end', () => response.writeHead(own.status, own.headers).end(own.body));
        return;
      }
      if ((await before?.(method, url)) === false) {
        drop();
        return;
      }
      const outgoing = httpRequest(
        // This connection is the proxy's own: a client that closes its own after a HEAD would have the target close this one, which
        // Node gives to the next request all the same.
        {
          host: target.hostname,
          port: target.port,
          method,
          path: url,
          headers: { ...headers, connection: 'keep-alive' },
        },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('error', drop);
          answer.on('end', () => {
            void (async () => {
              if ((await after?.(method, url)) === false) drop();
              else response.writeHead(answer.statusCode ?? 502, answer.headers).end(Buffer.concat(chunks));
            })().catch(drop);
          });
        },
      );
      outgoing.on('error', drop);
      incoming.pipe(outgoing);
    };
    forward().catch(drop);
  });
  // A client's connection is closed by nobody but the client, or a hook: it could be met by the next request.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
};
