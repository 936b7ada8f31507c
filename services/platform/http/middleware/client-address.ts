/** Who is calling: for what is bounded per client. */
import { isIP } from 'node:net';
import type { Context } from 'hono';
import type { ApiEnv } from '../api-env.ts';

/**
 * The client's network: an IPv4 address, or the first 64 bits of an IPv6 address, as a host there has 2^64 of them.
 * It is the peer of the connection, or with `trustedProxies` above 0 the address that the outermost of them wrote into
 * `X-Forwarded-For`: each adds whom it was called by, and entries before that are the client's word.
 */
export const clientNetwork = (c: Context<ApiEnv>, trustedProxies: number): string => {
  const peer = c.env.incoming.socket.remoteAddress ?? 'unknown';
  if (trustedProxies === 0) return networkOf(peer) ?? peer;
  const written = (c.req.header('x-forwarded-for') ?? '').split(',');
  const entry = written.at(-Math.min(trustedProxies, written.length)) ?? '';
  return networkOf(withoutPort(entry.trim())) ?? networkOf(peer) ?? peer;
};

/** Some proxies write the port too, and brackets around IPv6. */
const withoutPort = (entry: string): string =>
  /^\[([^\]]*)\](?::\d+)?$/.exec(entry)?.[1] ?? /^([\d.]+):\d+$/.exec(entry)?.[1] ?? entry;

/** Nothing for what is no address. */
const networkOf = (address: string): string | undefined => {
  const [plain = ''] = address.split('%');
  if (isIP(plain) === 4) return plain;
  if (isIP(plain) !== 6) return undefined;
  // One spelling: lower case, no leading zeros, hexadecimal throughout.
  const [head = '', tail = ''] = new URL(`http://[${plain}]`).hostname.slice(1, -1).split('::');
  const [left, right] = [groupsOf(head), groupsOf(tail)];
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  const mapped = groups.slice(0, 6).join(':') === '0:0:0:0:0:ffff';
  return mapped ? ipv4Of(groups.slice(6)) : `${groups.slice(0, 4).join(':')}::/64`;
};

const groupsOf = (text: string): string[] => (text === '' ? [] : text.split(':'));

/** An IPv4 address that a socket for both families shows as IPv6. */
const ipv4Of = (groups: readonly string[]): string =>
  groups
    .map((group) => Number.parseInt(group, 16))
    .flatMap((value) => [value >> 8, value & 255])
    .join('.');
