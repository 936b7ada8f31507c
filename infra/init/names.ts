/** The names a team gives its clone, and what they look like in code, SQL, manifests and prose. */
import { Script } from 'node:vm';

export interface Names {
  /** One of the things that are stored, such as `order`. */
  readonly entity: string;
  /** Several of them, such as `orders`. */
  readonly plural: string;
  /** The product, such as `shop` or `web-shop`. */
  readonly product: string;
}

/** A request that init does not carry out; its message says why, and what to do instead. */
export class Refusal extends Error {}

/** The longest object name adds 33 characters to it, and Kubernetes allows 63. */
const MAX_LENGTH = 30;

/** The entity's name becomes a variable, a type, a table, a topic, a path and part of environment variables. */
const WORD = /^[a-z][a-z0-9]*$/;

/** The product's name becomes an npm package, a DNS label, a namespace and the prefix of metrics. */
const LABEL = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/** Endings to which English does not add a mere s. */
const IRREGULAR = /(s|x|z|ch|sh|[^aeiou]y)$/;

/**
 * Judges the names.
 * @param taken words that files of the services are named after: a second meaning would collide with them
 * @throws Refusal for a name that cannot be used everywhere it would go
 */
export const namesOf = (
  { entity, plural = `${entity}s`, name }: { entity: string; plural?: string | undefined; name: string },
  taken: ReadonlyMap<string, string>,
): Names => {
  if ([entity, plural, ...name.split('-')].some((word) => /^tasks?$|^taskstream$/.test(word))) {
    throw new Refusal('Old and new names must differ: none may contain task, tasks or taskstream.');
  }
  for (const [option, word] of [
    ['--entity', entity],
    ['--plural', plural],
  ] as const) {
    if (!WORD.test(word) || word.length > MAX_LENGTH) {
      throw new Refusal(
        `${option} "${word}" must be one word of at most ${MAX_LENGTH} lower-case letters and digits, such as order or ` +
          `lineitem: it becomes a variable, a table, a topic and a path.`,
      );
    }
    if (!isIdentifier(word)) {
      throw new Refusal(`${option} "${word}" is a reserved word of JavaScript: choose another, such as my${word}.`);
    }
    const file = taken.get(word);
    if (file !== undefined) {
      throw new Refusal(`${option} "${word}" has a meaning here already (${file}): choose another word.`);
    }
  }
  if (plural === `${entity}s` && IRREGULAR.test(entity)) {
    throw new Refusal(`The plural of "${entity}" is hardly "${plural}": say it with --plural.`);
  }
  if (plural === entity) {
    throw new Refusal(
      `--plural must differ from --entity "${entity}": code tells one from several by it. Take a word such as ${entity}list.`,
    );
  }
  if (!LABEL.test(name) || name.length > MAX_LENGTH) {
    throw new Refusal(
      `--name "${name}" must be at most ${MAX_LENGTH} lower-case letters, digits and single hyphens, beginning with a ` +
        'letter, such as shop or web-shop: it becomes an npm package, a namespace and the prefix of metrics.',
    );
  }
  if (name === entity || name === plural) {
    throw new Refusal(`--name and the entity are both called "${name}": give the product a name of its own.`);
  }
  return { entity, plural, product: name };
};

const isIdentifier = (word: string): boolean => {
  try {
    // Compiled, never run.
    new Script(`'use strict'; async () => { const ${word} = 0; }`);
    return true;
  } catch {
    return false;
  }
};

/** `order` → `Order`, `web-shop` → `WebShop`. */
export const pascal = (name: string): string =>
  name
    .split('-')
    .map((part) => `${part.slice(0, 1).toUpperCase()}${part.slice(1)}`)
    .join('');

/** `web-shop` → `web_shop`. */
export const snake = (name: string): string => name.replaceAll('-', '_');

/** `an order`, `a shop`: by the first letter, as English mostly does. */
export const articleOf = (name: string): 'a' | 'an' => (/^[aeio]/.test(name) ? 'an' : 'a');
