/** A page that says one thing, where the console itself cannot be shown. */
import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { ApiEnv } from '../../platform/http/api-env.ts';
import { escapeHtml } from './html.ts';
import { PAGE_HEADERS } from './page.ts';

export interface Notice {
  readonly title: string;
  readonly text: string;
  /** What can be done, each by a link. */
  readonly links: readonly (readonly [href: string, label: string])[];
}

export const noticePage = (
  c: Context<ApiEnv>,
  status: ContentfulStatusCode,
  { title, text, links }: Notice,
): Response =>
  c.body(
    `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>${escapeHtml(title)}</title>
    <link rel="icon" href="/console/icon.svg" />
    <link rel="stylesheet" href="/console/console.css" />
  </head>
  <body>
    <main class="notice">
      <section class="card">
        <h1>${escapeHtml(title)}</h1>
        <p>${escapeHtml(text)}</p>
        <p class="row">${links.map(([href, label]) => `<a class="button" href="${escapeHtml(href)}">${escapeHtml(label)}</a>`).join(' ')}</p>
      </section>
    </main>
  </body>
</html>
`,
    status,
    PAGE_HEADERS,
  );
