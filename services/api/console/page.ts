/** The page of the console and its files: all from this process, nothing from elsewhere. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Context, Hono, MiddlewareHandler } from 'hono';
import { taskFields } from '../../task/fields.ts';
import { controlsOf } from './controls.ts';
import { escapeHtml } from './html.ts';
import type { ApiEnv } from '../../platform/http/api-env.ts';

const FOLDER = join(import.meta.dirname, 'client');
const SCRIPT = 'text/javascript; charset=utf-8';

/** The files the page loads, by name: a request cannot name another one. */
const FILES = {
  'console.css': 'text/css; charset=utf-8',
  'icon.svg': 'image/svg+xml',
  'main.js': SCRIPT,
  'address.js': SCRIPT,
  'api.js': SCRIPT,
  'chart.js': SCRIPT,
  'create.js': SCRIPT,
  'dom.js': SCRIPT,
  'editor.js': SCRIPT,
  'form.js': SCRIPT,
  'format.js': SCRIPT,
  'journeys.js': SCRIPT,
  'live.js': SCRIPT,
  'pipeline.js': SCRIPT,
  'session.js': SCRIPT,
  'records.js': SCRIPT,
  'stream.js': SCRIPT,
  'tasks.js': SCRIPT,
} as const;

/** Scripts, styles and connections of this origin alone; no frame, no plug-in, no form that leaves the page. */
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'cache-control': 'no-store',
};

/** @param asks for the page itself, such as who is there; its files are the same for everybody */
export const addPage = (app: Hono<ApiEnv>, ...asks: readonly MiddlewareHandler<ApiEnv>[]): void => {
  const page = readFileSync(join(FOLDER, 'console.html'), 'utf8')
    .replace('{{createControls}}', () => controlsOf(taskFields, 'create'))
    .replace('{{editControls}}', () => controlsOf(taskFields, 'edit'));
  app.get('/console', async (c, next) => {
    c.set('route', '/console');
    await next();
  });
  for (const ask of asks) app.get('/console', ask);
  app.get('/console', (c) =>
    c.body(
      page.replace('{{account}}', () => accountOf(c)),
      200,
      PAGE_HEADERS,
    ),
  );
  for (const [name, type] of Object.entries(FILES)) {
    const content = readFileSync(join(FOLDER, name));
    app.get(`/console/${name}`, (c) => {
      c.set('route', '/console/{file}');
      return c.body(content, 200, { 'content-type': type, 'cache-control': 'no-cache' });
    });
  }
};

/** Who has logged in, and how to log out. */
const accountOf = (c: Context<ApiEnv>): string => {
  const session = c.get('session');
  if (session === undefined) return '';
  return `<p id="account"><span>${escapeHtml(session.name)}</span> <button type="button" id="logout">Log out</button></p>`;
};
