/** Servers with operators, with what an environment may leave out of them. */
import { environmentOf } from '../../infra/environments/index.ts';
import { parseEnvironment, type Environment } from '../../infra/environments/schema.ts';

const production = environmentOf('production');
const { kafka, elasticsearch } = production.servers;

export const EXPORTER_IMAGE = 'registry.example.com/elasticsearch-exporter:v1.11.0';

export const WITH_EXPORTER: Environment = parseEnvironment({
  ...production,
  servers: {
    ...production.servers,
    elasticsearch: {
      ...elasticsearch,
      exporter: { image: EXPORTER_IMAGE, resources: { cpuRequest: '25m', cpuLimit: '200m', memory: '64Mi' } },
    },
  },
});

export const WITH_CRUISE_CONTROL: Environment = parseEnvironment({
  ...production,
  servers: {
    ...production.servers,
    kafka: { ...kafka, cruiseControl: { cpuRequest: '100m', cpuLimit: '2', memory: '1Gi' } },
  },
});
