/** Elasticsearch's exporter, run as the manifests run it: by TLS, with a CA and a login. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import getPort from 'get-port';
import { createAuthority, issueCertificate } from '../../support/certificates.ts';
import { find, manifestsOf, type PodTemplate } from '../../support/manifests.ts';
import { startTlsProxy, USER } from '../../support/secure-servers.ts';
import { WITH_EXPORTER } from '../../support/server-options.ts';
import { waitFor } from '../../support/wait.ts';
import { findExporter } from './prometheus.mjs';

export interface RunningExporter {
  /** `host:port`; the path is /metrics. */
  readonly address: string;
  close(): Promise<void>;
}

export const startExporter = async (elasticsearchUrl: string): Promise<RunningExporter> => {
  const [program, authority] = await Promise.all([findExporter(), createAuthority('exporter test CA')]);
  const proxy = await startTlsProxy(elasticsearchUrl, await issueCertificate(authority, 'server'));
  const folder = mkdtempSync(join(tmpdir(), 'taskstream-exporter-'));
  const ca = join(folder, 'ca.crt');
  writeFileSync(ca, authority.cert);
  const address = `127.0.0.1:${await getPort()}`;
  const args = argsOf().map((arg) =>
    arg
      .replace(/^--es\.uri=https:.*/, `--es.uri=https://127.0.0.1:${proxy.port}`)
      .replace(/^--es\.ca=.*/, `--es.ca=${ca}`),
  );
  const child = spawn(program, [...args, `--web.listen-address=${address}`], {
    env: { ES_USERNAME: USER.name, ES_PASSWORD: USER.password },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const exited = new Promise((resolve) => child.once('exit', resolve));
  // It asks for the version first, for ten seconds: the embedded Elasticsearch has no answer to that.
  await waitFor('the exporter', async () => {
    if (child.exitCode !== null) throw new Error(log);
    return (await fetch(`http://${address}/healthz`)).ok;
  });
  return {
    address,
    close: async () => {
      child.kill('SIGTERM');
      await exited;
      await proxy.close();
      rmSync(folder, { recursive: true });
    },
  };
};

const argsOf = (): readonly string[] => {
  const { spec } = find(manifestsOf(WITH_EXPORTER), 'Deployment', 'taskstream-elasticsearch-exporter') as {
    spec: { template: PodTemplate };
  };
  return (spec.template.spec.containers[0] as unknown as { args: readonly string[] }).args;
};
