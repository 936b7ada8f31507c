/** kill -9 of an API in the middle of writes. */
import { killOneOf, type Fault } from './fault.ts';

export const killApi: Fault = {
  name: 'kill-api',
  graceful: false,
  touches: ['apis'],
  inject: async ({ apis, startApi }, random) => {
    await killOneOf(apis, random.pick(apis), startApi);
  },
};
