import getPort from 'get-port';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSealer } from '../../services/platform/auth/sealed.ts';
import { accessibilityFaults, launchBrowser } from '../support/browser.ts';
import { AUDIENCE } from '../support/issuer.ts';
import { CONSOLE_CLIENT, startOpenIdProvider, type OpenIdProvider } from '../support/openid-provider.ts';
import { createPipeline, type Pipeline } from '../support/pipeline.ts';

const KEY = 'the secret of the sessions in this test';
const COOKIE = 'taskstream-session';

let browser: Browser;
let pipeline: Pipeline;
let provider: OpenIdProvider;
let url: string;
beforeAll(async () => {
  const port = await getPort();
  // Browsers send cookies to every port of a host: the provider's must be another.
  url = `http://localhost:${port}`;
  [pipeline, provider, browser] = await Promise.all([
    createPipeline(),
    startOpenIdProvider({ consoleUrl: url }),
    launchBrowser(),
  ]);
  await pipeline.startApi({
    ...{ PORT: String(port), AUTH: 'oidc', AUTH_ISSUER: provider.url, AUTH_AUDIENCE: AUDIENCE },
    ...{ AUTH_INSECURE_ISSUER: 'true', CONSOLE: 'true', CONSOLE_URL: url, CONSOLE_CLIENT_ID: CONSOLE_CLIENT.id },
    ...{ CONSOLE_CLIENT_SECRET: CONSOLE_CLIENT.secret, CONSOLE_SESSION_KEYS: KEY },
  });
});
afterAll(async () => {
  await browser.close();
  await pipeline.close();
  await provider.close();
});

/** Opens the console, and types a name where the provider asks for one. */
const logIn = async (page: Page, name: string): Promise<void> => {
  await page.goto(`${url}/console`);
  await page.getByLabel('Name').fill(name);
  await page.getByRole('button', { name: 'Log in' }).click();
};

const contextOf = async () => {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
  context.setDefaultTimeout(60_000);
  return context;
};

it('the page of the calls is authorised with a token, and then sends it', async () => {
  const context = await contextOf();
  const page = await context.newPage();
  await page.goto(`${url}/docs`);
  await page.getByRole('button', { name: 'Authorize' }).first().click();
  const dialog = page.locator('.modal-ux');
  await dialog.getByLabel('auth-bearer-value').fill(await provider.token('tasks:read'));
  await dialog.getByRole('button', { name: 'Apply credentials' }).last().click();
  await dialog.getByText('Authorized').first().waitFor();
  await dialog.getByRole('button', { name: 'Close' }).first().click();
  const list = page.locator('.opblock-get').first();
  await list.locator('.opblock-summary-control').click();
  await list.getByRole('button', { name: 'Try it out' }).click();
  const answered = page.waitForResponse((response) => new URL(response.url()).pathname === '/tasks');
  await list.getByRole('button', { name: 'Execute' }).click();
  expect((await answered).status()).toBe(200);
  await context.close();
});

describe('the console behind a login', () => {
  it('is worked with after it, and ends in all tabs at once', async () => {
    const context = await contextOf();
    const [page, other] = [await context.newPage(), await context.newPage()];
    await logIn(page, 'root');
    await page.getByText('root@example.com').waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    await page.locator('#create-description').fill('Written by whoever has logged in');
    await page.locator('#create-description').press('Enter');
    await page.locator('.task', { hasText: 'Written by whoever has logged in' }).waitFor();

    await other.goto(`${url}/console`);
    await other.getByText('Live', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Log out' }).click();
    await other.getByRole('heading', { name: 'You are logged out' }).waitFor();
    expect(await accessibilityFaults(other)).toEqual([]);
    // The provider asks whether it is meant for itself too.
    await page.getByRole('button', { name: 'Yes, sign me out' }).click();
    await page.getByRole('heading', { name: 'You are logged out' }).waitFor();
    await other.goto(`${url}/console`);
    expect(new URL(other.url()).origin).toBe(provider.url);
    await context.close();
  });

  it('says that the session has ended, keeps what was typed, and goes on after a login in another tab', async () => {
    const context = await contextOf();
    const page = await context.newPage();
    const sealer = createSealer(
      [KEY],
      [provider.url, AUDIENCE, 'sub', url, 'tasks:read tasks:write tasks:admin'].join(' '),
    );
    const content = { sub: 'root', owner: 'root', scopes: ['tasks:read', 'tasks:write', 'tasks:admin'], name: 'root' };
    const value = await sealer.seal(COOKIE, content, 15);
    await context.addCookies([{ name: COOKIE, value, url, httpOnly: true, sameSite: 'Lax' }]);
    await page.goto(`${url}/console`);
    await page.getByText('Live', { exact: true }).waitFor();
    const text = page.locator('#create-description');
    await text.fill('Typed before the end');
    await page.getByText('Your session has ended.').waitFor();
    await text.press('Enter');
    await page.locator('#create-problem', { hasText: 'The session has ended.' }).waitFor();

    const [popup] = await Promise.all([
      context.waitForEvent('page'),
      page.getByRole('link', { name: 'Log in' }).click(),
    ]);
    await popup.getByLabel('Name').fill('root');
    await popup.getByRole('button', { name: 'Log in' }).click();
    await popup.getByText('Live', { exact: true }).waitFor();
    await page.getByText('Your session has ended.').waitFor({ state: 'hidden' });
    await page.getByText('Live', { exact: true }).waitFor();
    expect(await text.inputValue()).toBe('Typed before the end');
    await text.press('Enter');
    await page.locator('.task', { hasText: 'Typed before the end' }).waitFor();
    await context.close();
  });

  it('is refused in words to whoever is no administrator, who can log in as somebody else', async () => {
    const context = await contextOf();
    const page = await context.newPage();
    await logIn(page, 'ada');
    await page.getByText('ada@example.com lacks the scope').waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.getByRole('link', { name: 'Log in as somebody else' }).click();
    await page.getByLabel('Name').fill('root');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByText('Live', { exact: true }).waitFor();
    await context.close();
  });
});
