import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { DEAD_LETTER_TOPIC, TASK_INDEX_ALIAS } from '../../services/task/resources.ts';
import type { Task } from '../../services/task/task.ts';
import { equalInContent, rowsOf } from '../support/content.ts';
import { readTopic } from '../support/kafka.ts';
import { find, manifestsOf, ofKind, type Manifest } from '../support/manifests.ts';
import { checkOutPreviousRelease, type PreviousRelease } from '../support/previous-release.ts';
import { waitFor } from '../support/wait.ts';
import { getJson, mustKubectl, run, toYaml } from './support/cluster.ts';
import { httpLoad, type HttpLoad } from './support/http-load.ts';
import { deployProduct, type Product } from './support/product.ts';

const PREVIOUS_TAG = 'previous';
const SERVICES = ['api', 'indexer'] as const;

let previous: PreviousRelease;
let product: Product;

/** The images of the release before: as given, or made for the lab. */
const imagesOf = async ({ checkout, version }: PreviousRelease): Promise<Record<'api' | 'indexer', string>> => {
  const given = inject('previousImages');
  if (given.api !== '' && given.indexer !== '') return given;
  if (process.env['KUBECONFIG']) {
    throw new Error(
      `Set TEST_PREVIOUS_API_IMAGE and TEST_PREVIOUS_INDEXER_IMAGE to images of release ${version} that the nodes have.`,
    );
  }
  const { code, stderr } = await run(process.execPath, ['test/cluster/lab/app-images.mjs', checkout, PREVIOUS_TAG]);
  if (code !== 0) throw new Error(`the images of release ${version} were not made: ${stderr}`);
  return { api: `taskstream/api:${PREVIOUS_TAG}`, indexer: `taskstream/indexer:${PREVIOUS_TAG}` };
};

interface Container {
  readonly env: { readonly name: string; readonly value: string }[];
}
/** A search that is late is a matter of the machine: Elasticsearch has just started, and shares it with all the rest. */
const patient = (manifests: readonly Manifest[]): readonly Manifest[] => {
  const { containers } = find(manifests, 'Deployment', 'taskstream-api').spec.template.spec as {
    containers: Container[];
  };
  for (const { env } of containers) env.push({ name: 'SEARCH_TIMEOUT_MS', value: '15000' });
  return manifests;
};

beforeAll(async () => {
  previous = await checkOutPreviousRelease();
  product = await deployProduct({
    images: await imagesOf(previous),
    manifestsOf: async (environment) => patient(await previous.manifestsOf(environment)),
  });
}, 600_000);
afterAll(async () => {
  await product.close();
  await previous.remove();
});

/** Applies a release as docs/upgrade.md says, and waits until its Job has run and its pods have taken the others' place. */
const rollOut = async (manifests: readonly Manifest[]): Promise<void> => {
  await mustKubectl(['apply', '-f', '-'], toYaml(manifests));
  for (const { metadata } of ofKind(manifests, 'Job')) {
    await product.kubectl('wait', '--for=condition=Complete', `job/${metadata.name}`, '--timeout=120s');
  }
  for (const service of SERVICES) {
    await product.kubectl('rollout', 'status', `deployment/taskstream-${service}`, '--timeout=180s');
  }
  const wanted = ofKind(manifests, 'Deployment').map(imageOf).sort();
  await waitFor(
    'the pods of the other release to be gone',
    async () => {
      const { items } = await getJson(
        '-n',
        product.namespace,
        'pods',
        '-l',
        'app.kubernetes.io/component in (api,indexer)',
      );
      const images = new Set((items as Manifest[]).map(({ spec }) => spec.containers[0].image as string));
      expect([...images].sort()).toEqual(wanted);
      return true;
    },
    { timeoutMs: 120_000, intervalMs: 500 },
  );
};
const imageOf = ({ spec }: Manifest): string => spec.template.spec.containers[0].image as string;

/** The load goes on: so many more tasks were created. */
const written = async (more: number): Promise<void> => {
  const { size } = await rowsOf(product.databaseUrl);
  await waitFor(`${more} more tasks`, async () => (await rowsOf(product.databaseUrl)).size >= size + more);
};

/**
 * Sends one request for each body, and returns the tasks that were answered. That no request fails is what the load shows;
 * this client begins with a new connection, and tries again where it gets none.
 */
const sendAll = (method: 'POST' | 'PUT', requests: readonly { path: string; body: object }[]): Promise<Task[]> =>
  product.client.run<Task[]>(`
    const tasks = [];
    const send = async (path, body) => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await fetch('http://taskstream-api.${product.namespace}' + path, {
            method: '${method}',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(body),
          });
        } catch (error) {
          if (error.cause?.code !== 'UND_ERR_CONNECT_TIMEOUT' || attempt === 5) throw error;
        }
      }
    };
    for (const { path, body } of ${JSON.stringify(requests)}) {
      const response = await send(path, body);
      if (!response.ok) throw new Error(response.status + ' ' + (await response.text()));
      tasks.push((await response.json()).task);
    }
    console.log(JSON.stringify(tasks));`);

it('a rollout over the previous release and a rollback to it, under load: no request fails, nothing is lost, both stores are equal in content', async () => {
  const load = product.client.start(
    httpLoad(`http://taskstream-api.${product.namespace}`, { pauseMs: 150, isSearching: true }),
  );
  await written(100);

  const images = { ...product.environment.images, ...inject('images') };
  await rollOut(patient(manifestsOf({ ...product.environment, images })));
  const tags = ['kept'];
  const tagged = await sendAll(
    'POST',
    Array.from({ length: 20 }, (_, number) => ({ path: '/tasks', body: { description: `tagged ${number}`, tags } })),
  );
  await written(100);

  await rollOut(product.manifests);
  // The old version changes what the new one created, without a word of what it does not know.
  const body = { description: 'changed by the old version', priority: 'low', dates: {}, isDone: false };
  await sendAll(
    'PUT',
    tagged.slice(0, 10).map(({ id }) => ({ path: `/tasks/${id}`, body })),
  );
  await written(100);

  const { requests, failures } = JSON.parse(await load.finish()) as HttpLoad;
  expect(failures).toEqual([]);
  expect(requests).toBeGreaterThan(1_000);
  await equalInContent(product.elasticsearchUrl, TASK_INDEX_ALIAS, () => rowsOf(product.databaseUrl));
  const rows = await rowsOf(product.databaseUrl);
  for (const { id } of tagged) expect(rows.get(id)).toMatchObject({ tags });
  expect(await readTopic(product.kafkaBrokers, DEAD_LETTER_TOPIC)).toEqual([]);
}, 600_000);
