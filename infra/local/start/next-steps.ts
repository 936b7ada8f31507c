/** What `npm start` says when everything is up. */
import type { ServicePorts } from './options.ts';
import { paint } from './paint.ts';

/** Prints where everything is, and one command for each call. */
export const printNextSteps = (ports: ServicePorts, dataDir: string, elapsed: string): void => {
  const api = `http://localhost:${ports.api}`;
  const json = `-H 'content-type: application/json'`;
  const title = (text: string) => paint('bold', text);
  console.log(`
${title(`taskstream is ready after ${elapsed}.`)}

  Console      ${api}/console
  API          ${api}
  Docs         ${api}/docs
  OpenAPI      ${api}/openapi.json
  Metrics      http://localhost:${ports.apiHealth}/metrics (API)
               http://localhost:${ports.indexerHealth}/metrics (indexer)
  Logs, data   ${dataDir}

${title('Try it')} (ID is the id that the first call answers)

  curl -i ${api}/tasks ${json} -d '{"description": "Water the plants", "priority": "high"}'
  curl -i ${api}/tasks/ID
  curl -i -X PUT ${api}/tasks/ID ${json} -d '{"description": "Water all plants", "priority": "low", "dates": {}, "isDone": true}'
  curl -i -X DELETE ${api}/tasks/ID
  curl -s '${api}/tasks?limit=10'
  curl -s ${api}/tasks/search ${json} -d '{"description": "plants", "from": 0, "size": 10}'

${title('In another terminal of this clone')}

  npm run ops -- --help          finds this stack by itself
  eval "$(npm run -s env)"       sets DATABASE_URL, KAFKA_BROKERS, ELASTICSEARCH_URL for other tools

Nobody is asked who is calling (AUTH=none). Stop with Ctrl-C.
`);
};
