/** Preloaded into a process: to import one of the packages that FORBIDDEN_PACKAGES names fails, as if it were not installed. */
import { register } from 'node:module';

const hooks = `
const forbidden = ${JSON.stringify((process.env.FORBIDDEN_PACKAGES ?? '').split(' '))};
export const resolve = (specifier, context, next) => {
  if (forbidden.includes(specifier)) throw new Error(specifier + ' is forbidden here');
  return next(specifier, context);
};`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
