import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const platform = join(import.meta.dirname, '../../services/platform');

/** Asks a server that listens where it does by default for `/livez`, by each address of this machine itself. */
const PROBE = `
import { Registry } from 'prom-client';
import { readEnv } from '${platform}/env.ts';
import { listenEnv, startHealthServer } from '${platform}/http/health.ts';
const { HOST: host } = readEnv(listenEnv, {});
const server = await startHealthServer({ host, port: 0, live: [], ready: [], metrics: new Registry() });
const ask = (address) => fetch('http://' + address + ':' + server.port + '/livez').then(({ status }) => status, () => 'away');
console.log([await ask('127.0.0.1'), await ask('[::1]')].join());
await server.close();`;

/** Runs the probe in a network of its own, which has nothing but a loopback device, after \`command\`. */
const probeAfter = async (command: string): Promise<string> => {
  const script = `ip link set lo up && ${command} && exec "$0" --import tsx --input-type=module --eval "$1"`;
  const args = ['--map-root-user', '--net', 'sh', '-c', script, process.execPath, PROBE];
  return (await promisify(execFile)('unshare', args, { timeout: 20_000 })).stdout.trim();
};

// Network namespaces are Linux's own, and need iproute2 and the right to make user namespaces.
if (process.platform === 'linux') {
  it.each([
    ['both families', 'true', '200,200'],
    ['IPv4 alone', 'echo 1 > /proc/sys/net/ipv6/conf/lo/disable_ipv6', '200,away'],
    ['IPv6 alone', 'ip address delete 127.0.0.1/8 dev lo', 'away,200'],
  ])('listens by default on a machine with %s', async (_what, command, answers) => {
    expect(await probeAfter(command)).toBe(answers);
  });
}
