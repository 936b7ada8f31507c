/** The environments by name. */
import { lab } from './lab.ts';
import { local } from './local.ts';
import { production } from './production.ts';
import { InvalidEnvironment, parseEnvironment, type Environment } from './schema.ts';

export const environments: Readonly<Record<string, Environment>> = { local, lab, production };

/** @throws InvalidEnvironment when there is none of this name, or its settings cannot be used */
export const environmentOf = (name: string): Environment => {
  const environment = environments[name];
  if (environment === undefined) {
    throw new InvalidEnvironment(
      `There is no environment ${JSON.stringify(name)}: choose one of ${Object.keys(environments).join(', ')}.`,
    );
  }
  return parseEnvironment(environment);
};
