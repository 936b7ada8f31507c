/** Each server by itself: run by its operator, or by somebody else with one of the logins and ways to trust it. */
import { KAFKA_LOGINS, SEARCH_LOGINS, type Environment } from '../environments/schema.ts';
import { all, any } from './conditions.ts';

/** Of one server; `operated` is the base. */
export interface ServerCases {
  readonly cases: readonly { readonly name: string; readonly environment: Environment }[];
  /** A Go template's words for: it is one of `cases`, where it can only be one of `possible`. */
  readonly condition: (cases: readonly string[], possible: readonly string[]) => string;
}

export const OPERATED = 'operated';

type Servers = Environment['servers'];
type Server = keyof Servers;
/** What a managed server's certificate is checked with. */
type Trust = 'off' | 'system' | 'secret';

/** Anything: all of it becomes placeholders. */
const egress = { cidrs: ['any'], port: 1 };

const TOKENS = 'OAUTHBEARER';
/** The same login, where the token endpoint has a CA of its own. */
const TOKENS_BY_CA = 'OAUTHBEARER+CA';
const oauth = { tokenUrl: 'any', scope: 'any', extensions: 'any', egress };

const nameOf = (login: string, trust: Trust): string => `${login} ${trust}`;

/** @param environment one whose servers all have operators */
export const serverCasesOf = (environment: Environment): readonly ServerCases[] => {
  const withServer = <S extends Server>(server: S, settings: Servers[S]): Environment => ({
    ...environment,
    servers: { ...environment.servers, [server]: settings },
  });
  const ca = (trust: Trust) => (trust === 'secret' ? { caSecret: 'any' } : {});
  const trusts: readonly Trust[] = ['off', 'system', 'secret'];
  const kafka = [...KAFKA_LOGINS.map((login) => [login, login] as const), [TOKENS_BY_CA, TOKENS] as const].flatMap(
    ([name, login]) =>
      trusts.map((trust) => ({
        name: nameOf(name, trust),
        environment: withServer('kafka', {
          kind: 'managed',
          brokers: 'any',
          tls: trust !== 'off',
          login,
          ...(login === TOKENS ? { oauth: { ...oauth, ...(name === TOKENS_BY_CA ? { caSecret: 'any' } : {}) } } : {}),
          egress,
          ...ca(trust),
        }),
      })),
  );
  // Whether there is TLS, Elasticsearch's URL and PostgreSQL's setting say, and nothing else depends on it.
  const elasticsearch = SEARCH_LOGINS.flatMap((login) =>
    (['system', 'secret'] as const).map((trust) => ({
      name: nameOf(login, trust),
      environment: withServer('elasticsearch', { kind: 'managed', url: 'any', login, egress, ...ca(trust) }),
    })),
  );
  const postgres = (['system', 'secret'] as const).map((trust) => ({
    name: nameOf('', trust),
    environment: withServer('postgres', {
      kind: 'managed',
      tls: 'verify-full',
      maxConnections: 1,
      ownerSecret: 'any',
      serviceSecret: 'any',
      egress,
      ...ca(trust),
    }),
  }));
  return [
    { cases: kafka, condition: conditionFor('kafka', 'not $.Values.servers.kafka.tls') },
    { cases: elasticsearch, condition: conditionFor('elasticsearch') },
    { cases: postgres, condition: conditionFor('postgres') },
  ];
};

/** @param isOff when there is no TLS, where anything depends on that */
const conditionFor = (server: Server, isOff?: string): ServerCases['condition'] => {
  const path = `$.Values.servers.${server}`;
  const kindIs = (kind: string) => `eq ${path}.kind "${kind}"`;
  const trustIs: Readonly<Record<Trust, string>> = {
    off: isOff ?? 'false',
    system: isOff === undefined ? `not ${path}.caSecret` : `and ${path}.tls (not ${path}.caSecret)`,
    secret: `${path}.caSecret`,
  };
  return (cases, possible) => {
    const split = (names: readonly string[]) =>
      names.filter((name) => name !== OPERATED).map((name) => name.split(' '));
    const [managed, couldBe] = [split(cases), split(possible)];
    const valuesOf = (pairs: readonly string[][], at: 0 | 1) => [...new Set(pairs.map((pair) => pair[at] ?? ''))];
    const loginIn = (logins: readonly string[]) =>
      logins.length === 1
        ? `eq ${path}.login "${logins[0] ?? ''}"`
        : `has ${path}.login (list ${logins.map((login) => `"${login}"`).join(' ')})`;
    const loginIs = (logins: readonly string[]) => {
      if (logins.length === valuesOf(couldBe, 0).length) return [];
      const tokenCa = `(${path}.oauth).caSecret`;
      const plain = logins.filter((login) => login !== TOKENS && login !== TOKENS_BY_CA);
      const [some, byCa] = [logins.includes(TOKENS), logins.includes(TOKENS_BY_CA)];
      if (some && byCa) return [loginIn([...plain, TOKENS])];
      return [
        any([
          ...(plain.length === 0 ? [] : [loginIn(plain)]),
          ...(some ? [all([loginIn([TOKENS]), `not ${tokenCa}`])] : []),
          ...(byCa ? [tokenCa] : []),
        ]),
      ];
    };
    const trusted = (trusts: readonly string[]) => {
      if (trusts.length === valuesOf(couldBe, 1).length) return [];
      if (isOff !== undefined && trusts.length === 2 && !trusts.includes('off')) return [`${path}.tls`];
      return [any(trusts.map((trust) => trustIs[trust as Trust]))];
    };
    // Logins that go with the same ways to trust stand together.
    const groups = new Map<string, string[]>();
    for (const login of valuesOf(managed, 0)) {
      const trusts = managed.filter(([name]) => name === login).map(([, trust]) => trust ?? '');
      groups.set(trusts.join(' '), [...(groups.get(trusts.join(' ')) ?? []), login]);
    }
    const parts = [...groups].map(([trusts, logins]) => [...loginIs(logins), ...trusted(trusts.split(' '))]);
    const canBeOperated = possible.includes(OPERATED);
    const isOperated = cases.includes(OPERATED);
    const isEveryManaged = parts.length === 1 && parts[0]?.length === 0;
    if (managed.length === 0) return kindIs(OPERATED);
    if (isEveryManaged) return canBeOperated && !isOperated ? kindIs('managed') : 'true';
    const inside = any(parts.map(all));
    if (isOperated) return any([kindIs(OPERATED), inside]);
    return canBeOperated ? all([kindIs('managed'), inside]) : inside;
  };
};
