/** Small help with the page's elements. */

/**
 * The element that `selector` names; the page without it would be broken, and says so.
 * @template {Element} T
 * @param {string} selector
 * @param {new () => T} type
 * @param {ParentNode} [within]
 * @returns {T}
 */
export const need = (selector, type, within = document) => {
  const found = within.querySelector(selector);
  if (found instanceof type) return found;
  throw new Error(`the page has no ${selector}`);
};

/**
 * Makes an element. Texts are set as texts, never as HTML.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {{ class?: string, text?: string, [attribute: string]: string | undefined }} [attributes]
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export const make = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined) continue;
    if (name === 'text') made.textContent = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
};

/**
 * Sets a text only when it is another: what did not change must not be laid out or read out again.
 * @param {Element} element
 * @param {string} text
 */
export const setText = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

/**
 * Says something to who cannot see that it happened.
 * @param {string} text
 */
export const announce = (text) => {
  const status = need('#status', HTMLElement);
  // The same text again is news again.
  status.textContent = status.textContent === text ? `${text}\u00a0` : text;
};
