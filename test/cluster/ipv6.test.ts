import { isIPv6 } from 'node:net';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { PORTS } from '../../services/task/resources.ts';
import { manifestsOf, podsOf, type Manifest } from '../support/manifests.ts';
import { waitFor } from '../support/wait.ts';
import { getJson } from './support/cluster.ts';
import { deployProduct, type Product } from './support/product.ts';
import { creationOf, searchFor } from '../support/sample.ts';

/** Of the lab: its pods are on a network that has IPv6 only. */
const RUNTIME_CLASS = 'ipv6';

let product: Product;

/** Puts brackets around the servers' address, which a Helm value cannot have, and every pod on the network. */
const onIPv6 = (manifests: readonly Manifest[], address: string): Manifest[] => {
  const text = JSON.stringify(manifests)
    .replaceAll(`${address}:`, `[${address}]:`)
    .replaceAll(`${address}/32`, `${address}/128`);
  const changed = JSON.parse(text) as Manifest[];
  for (const { pod } of podsOf(changed)) Object.assign(pod.spec, { runtimeClassName: RUNTIME_CLASS });
  return changed;
};

beforeAll(async () => {
  const address = inject('hostAddressIPv6');
  product = await deployProduct(
    { images: inject('images'), manifestsOf: (environment) => onIPv6(manifestsOf(environment), address) },
    address,
  );
}, 400_000);
afterAll(() => product.close());

it('pods without IPv4 become ready, reach their servers, answer, and are never restarted by a probe', async () => {
  await product.kubectl('rollout', 'status', 'deployment/taskstream-indexer', '--timeout=150s');
  const { items } = await getJson(
    ...['-n', product.namespace, 'pods', '-l', 'app.kubernetes.io/component in (api,indexer)'],
  );
  const pods = (items as Manifest[]).map(({ metadata, ['status']: status }) => ({
    component: metadata.labels?.['app.kubernetes.io/component'],
    addresses: (status.podIPs as { ip: string }[]).map(({ ip }) => ip),
    restarts: status.containerStatuses[0].restartCount as number,
    isReady: status.containerStatuses[0].ready as boolean,
  }));
  expect(pods.length).toBeGreaterThan(1);
  for (const pod of pods) {
    expect(pod).toMatchObject({ addresses: [expect.any(String)], restarts: 0, isReady: true });
    expect(pod.addresses.every(isIPv6)).toBe(true);
  }

  const [address = ''] = pods.find(({ component }) => component === 'api')?.addresses ?? [];
  const call = async (path: string, body: object): Promise<unknown> => {
    const response = await fetch(`http://[${address}]:${PORTS.api}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return response.json();
  };
  await call('/tasks', creationOf('by another family'));
  await waitFor('search to find it', async () => {
    expect(await call('/tasks/search', searchFor('family'))).toMatchObject({ total: 1 });
    return true;
  });
});
