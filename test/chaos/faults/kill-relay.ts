/** kill -9 of the API whose relay is the active one. */
import { killOneOf, type Fault } from './fault.ts';

export const killRelay: Fault = {
  name: 'kill-relay',
  graceful: false,
  touches: ['apis'],
  inject: async ({ apis, startApi }, random) => {
    const active = await Promise.all(apis.map((api) => api.metric('taskstream_relay_leader').catch(() => 0)));
    await killOneOf(apis, apis[active.indexOf(1)] ?? random.pick(apis), startApi);
  },
};
