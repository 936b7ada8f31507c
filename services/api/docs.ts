/** `/openapi.json`, `/asyncapi.json`, and `/docs`: Swagger UI from this process, so that the page works without the internet. */
import { createReadStream, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { OpenAPIHono } from '@hono/zod-openapi';
import type { Hono } from 'hono';
import { asyncApiDocument, type AsyncApiDocument } from '../pipeline/async-api.ts';
import type { PlacedEntity } from '../pipeline/entity.ts';
import type { ApiEnv } from '../platform/http/api-env.ts';
import { discoveryUrl } from '../platform/auth/keys.ts';
import type { Authentication } from '../platform/http/middleware/authenticate.ts';
import type { Route } from '../platform/http/route.ts';

/** The files of Swagger UI that the page loads. */
const ASSETS = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
} as const;

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>taskstream API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

const START = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#swagger-ui', deepLinking: true, validatorUrl: null });\n`;

/** Swagger UI sets style attributes and shows inline images; scripts come from here alone. */
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The package's file stands two folders above this one, in the images too. */
const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
  readonly version: string;
};
const INFO = {
  title: 'taskstream',
  version,
  description: 'A To-Do service whose every change becomes an event, and whose search is built from those events.',
  license: { name: 'MIT' },
};

/** OpenAPI 3.1 asks for the identifier, and AsyncAPI does not know it. */
const SPDX_LICENSE = { ...INFO.license, identifier: 'MIT' };

/** The AsyncAPI 3 document of the topics. */
export const eventContract = (entities: readonly PlacedEntity[]): AsyncApiDocument => asyncApiDocument(entities, INFO);

/** The names of the security schemes: where tokens come from, and how one that somebody has is sent. Swagger UI asks for the latter. */
const [OIDC, BEARER] = ['oidc', 'bearer'];

/** The OpenAPI 3.1 document of the routes. */
export const openApiDocument = (routes: readonly Route[], authentication?: Authentication) => {
  const registry = new OpenAPIHono();
  if (authentication !== undefined) {
    registry.openAPIRegistry.registerComponent('securitySchemes', OIDC, {
      type: 'openIdConnect',
      openIdConnectUrl: discoveryUrl(authentication.issuer),
    });
    registry.openAPIRegistry.registerComponent('securitySchemes', BEARER, {
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'JWT',
    });
  }
  for (const { document, access, tag } of routes) {
    const scopes = authentication === undefined ? [] : [authentication.scopes[access]];
    // OpenAPI 3.1: either of them; a scheme that knows no scopes names them as roles.
    const security = authentication === undefined ? [] : [{ [OIDC]: scopes }, { [BEARER]: scopes }];
    registry.openAPIRegistry.registerPath({ ...document, tags: [tag.name], security });
  }
  return registry.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { ...INFO, license: SPDX_LICENSE },
    servers: [{ url: '/' }],
    tags: [...new Map(routes.map(({ tag }) => [tag.name, tag])).values()],
  });
};

/** Adds the documents and the page to the app. */
export const addDocs = (
  app: Hono<ApiEnv>,
  routes: readonly Route[],
  entities: readonly PlacedEntity[],
  authentication?: Authentication,
): void => {
  const documents = {
    'openapi.json': openApiDocument(routes, authentication),
    'asyncapi.json': eventContract(entities),
  };
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  app.get('/', (c) => c.redirect('/docs', 302));
  for (const [name, document] of Object.entries(documents)) {
    const text = JSON.stringify(document);
    app.get(`/${name}`, (c) => c.body(text, 200, { 'content-type': 'application/json' }));
  }
  app.get('/docs', (c) =>
    c.body(PAGE, 200, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': CONTENT_SECURITY_POLICY,
    }),
  );
  app.get('/docs/start.js', (c) => c.body(START, 200, { 'content-type': 'text/javascript; charset=utf-8' }));
  for (const [name, type] of Object.entries(ASSETS)) {
    app.get(`/docs/${name}`, (c) => {
      const file = Readable.toWeb(createReadStream(join(folder, name)));
      return c.body(file as ReadableStream, 200, { 'content-type': type, 'cache-control': 'public, max-age=86400' });
    });
  }
};
