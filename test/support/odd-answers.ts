/** What stands before Elasticsearch may answer in its place. */
import type { ProxyAnswer } from './http-proxy.ts';

const PRODUCT = { 'x-elastic-product': 'Elasticsearch' };
const JSON_TYPE = { 'content-type': 'application/vnd.elasticsearch+json;compatible-with=9' };
const HTML_TYPE = { 'content-type': 'text/html; charset=utf-8' };
const PAGE = '<html><body>Log in</body></html>';

/** Each with what an error says of it. */
export const ODD_ANSWERS: readonly (readonly [what: string, answer: ProxyAnswer, reason: RegExp])[] = [
  [
    'a redirection to a login page',
    odd(302, { ...HTML_TYPE, location: 'https://login/' }, PAGE),
    /HTTP 302 \(text\/html\)/,
  ],
  ['a redirection', odd(301, { location: 'https://elsewhere/' }), /HTTP 301 \(no content type\)/],
  ['304', odd(304, {}), /HTTP 304 /],
  ['204', odd(204, PRODUCT), /HTTP 204 /],
  ['a page', odd(200, HTML_TYPE, PAGE), /HTTP 200 \(text\/html\)/],
  [
    'a page with the header of the product',
    odd(200, { ...PRODUCT, ...HTML_TYPE }, PAGE),
    /HTTP 200 \(text\/html\): <html>/,
  ],
  ['an empty object', odd(200, { ...PRODUCT, ...JSON_TYPE }, '{}'), /a JSON object without "(hits|items)"/],
  ['an empty body', odd(200, { ...PRODUCT, ...JSON_TYPE }), /HTTP 200 \(application\/vnd/],
  ['a list', odd(200, { ...PRODUCT, ...JSON_TYPE }, '[]'), /HTTP 200 \(application\/vnd/],
  ['null', odd(200, { ...PRODUCT, ...JSON_TYPE }, 'null'), /HTTP 200 \(application\/vnd/],
  ['400 with a page', odd(400, HTML_TYPE, PAGE), /HTTP 400 \(text\/html\)/],
  ['407', odd(407, {}), /HTTP 407 /],
  ['503 without a body', odd(503, {}), /HTTP 503 \(no content type\)/],
];

function odd(status: number, headers: ProxyAnswer['headers'], body = ''): ProxyAnswer {
  return { status, headers, body };
}
