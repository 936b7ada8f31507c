/** What a browser does for a login, without one: it keeps cookies, follows redirects, and fills in the form of the provider. */
export interface BrowserSession {
  /** Sends a request with the cookies of its host, and follows no redirect. */
  request(method: string, url: string, headers?: Readonly<Record<string, string>>, body?: string): Promise<Response>;
  /** Follows redirects from an address to the first answer that is none. */
  follow(url: string): Promise<Response>;
  /** The same, with a name typed into the form that is met on the way. */
  logIn(url: string, name: string): Promise<Response>;
  /** Cookies of a host by name; a change counts. */
  cookiesOf(url: string): Map<string, string>;
}

const REDIRECTS = [301, 302, 303, 307];

export const createBrowserSession = (): BrowserSession => {
  const jars = new Map<string, Map<string, string>>();
  const cookiesOf = (url: string): Map<string, string> => {
    const { host } = new URL(url);
    const jar = jars.get(host) ?? new Map<string, string>();
    jars.set(host, jar);
    return jar;
  };
  const request: BrowserSession['request'] = async (method, url, headers = {}, body) => {
    const jar = cookiesOf(url);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(url, {
      method,
      redirect: 'manual',
      headers: { ...(cookie === '' ? {} : { cookie }), ...headers },
      body: body ?? null,
    });
    for (const line of answer.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split('; ');
      const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
      if (attributes.some((attribute) => /^max-age=0$/i.test(attribute)) || value === '') jar.delete(name);
      else jar.set(name, value);
    }
    return answer;
  };
  const onwards = async (answer: Response, from: string): Promise<{ answer: Response; url: string }> => {
    const location = answer.headers.get('location');
    if (!REDIRECTS.includes(answer.status) || location === null) return { answer, url: from };
    const url = new URL(location, from).href;
    return onwards(await request('GET', url), url);
  };
  const start = async (url: string) => onwards(await request('GET', url), url);
  return {
    request,
    cookiesOf,
    follow: async (url) => (await start(url)).answer,
    logIn: async (url, name) => {
      const form = await start(url);
      if (!new URL(form.url).pathname.startsWith('/login/')) return form.answer;
      const answer = await request(
        'POST',
        form.url,
        { 'content-type': 'application/x-www-form-urlencoded' },
        new URLSearchParams({ name }).toString(),
      );
      return (await onwards(answer, form.url)).answer;
    },
  };
};
