/**
 * What the page shows, in its address: a link leads to it, and Back goes to what was shown before.
 * @typedef {{ q: string, done: string, priority: string, tags: string, overdue: string, open: string }} Address
 *   all as text, empty when not named; `open`: the id that the editor shows
 */

const NAMES = /** @type {const} */ (['q', 'done', 'priority', 'tags', 'overdue', 'open']);

/** @returns {Address} */
export const readAddress = () => {
  const parameters = new URLSearchParams(location.search);
  return /** @type {Address} */ (Object.fromEntries(NAMES.map((name) => [name, parameters.get(name) ?? ''])));
};

/** @param {Address} address */
const textOf = (address) => {
  const parameters = new URLSearchParams(
    NAMES.map((name) => [name, address[name]]).filter(([, value]) => value !== ''),
  );
  return `${location.pathname}${parameters.size === 0 ? '' : `?${parameters}`}`;
};

/**
 * Goes there; nothing happens where the page is already. What is typed is one place, however many letters it has.
 * @param {Partial<Address>} change
 * @param {'typing' | 'typed' | undefined} [how]
 */
export const goTo = (change, how) => {
  const text = textOf({ ...readAddress(), ...change });
  const goesOn = how !== undefined && history.state?.isTyping === true;
  const state = { isOurs: goesOn ? history.state.isOurs : true, isTyping: how === 'typing' };
  if (goesOn) history.replaceState(state, '', text);
  else if (text !== `${location.pathname}${location.search}`) history.pushState(state, '', text);
};

/** Back from what was opened here; a link that led straight to it has nothing of ours behind it. */
export const leaveOpen = () => {
  if (readAddress().open === '') return;
  if (history.state?.isOurs === true) history.back();
  else history.replaceState(null, '', textOf({ ...readAddress(), open: '' }));
};

/** @param {() => void} handle */
export const onAddress = (handle) => {
  addEventListener('popstate', handle);
};
