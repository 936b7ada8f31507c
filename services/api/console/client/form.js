/**
 * A form whose inputs were rendered from the list of fields: each names its field (`data-field`), its kind (`data-kind`),
 * what it says when it is left empty (`data-initial`), and for a part of a field the part (`data-part`).
 */
import { need, setText } from './dom.js';
import { formatCount, fromLocalInput, toLocalInput } from './format.js';

/** @typedef {import('./api.js').TaskFields} TaskFields */
/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Input */

/** @param {ParentNode} form @returns {Input[]} */
const inputsOf = (form) =>
  [...form.querySelectorAll('[data-field]')].filter(
    /** @returns {input is Input} @param {Element} input */ (input) =>
      input instanceof HTMLInputElement || input instanceof HTMLSelectElement || input instanceof HTMLTextAreaElement,
  );

const SEPARATOR = ', ';

/** Words as people separate them. @param {string} text */
export const wordsOf = (text) =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');

/** The words of a task, from all fields that hold some. @param {ParentNode} form @param {TaskFields} task @returns {string[]} */
export const wordsIn = (form, task) =>
  inputsOf(form).flatMap(({ dataset: { field = '', kind } }) => (kind === 'words' ? (task[field] ?? []) : []));

/** Names of the fields that a form sends. @param {ParentNode} form */
export const fieldNamesOf = (form) => new Set(inputsOf(form).map((input) => input.dataset['field'] ?? ''));

/**
 * What the form says, as the API takes it.
 * @param {ParentNode} form
 * @param {TaskFields} [before] what was not changed is sent as it was: an input shows no seconds, and splits at commas
 * @returns {TaskFields}
 */
export const readForm = (form, before) => {
  /** @type {Record<string, any>} */
  const values = {};
  for (const input of inputsOf(form)) {
    const { field = '', kind, part = '', initial } = input.dataset;
    if (kind === 'flag') values[field] = input instanceof HTMLInputElement && input.checked;
    else if (kind === 'words') {
      const old = before?.[field] ?? [];
      values[field] = input.value === old.join(SEPARATOR) ? old : wordsOf(input.value);
    } else if (kind === 'timestamps') {
      const old = before?.[field]?.[part] ?? null;
      const value = input.value === toLocalInput(old) ? old : fromLocalInput(input.value);
      values[field] = { ...values[field], [part]: value };
    } else if (input.value === '' && initial !== undefined) values[field] = JSON.parse(initial);
    // What is required and empty is for the API to refuse: an empty number is none.
    else values[field] = kind === 'number' && input.value !== '' ? Number(input.value) : input.value;
  }
  return values;
};

/** Shows a task. @param {ParentNode} form @param {TaskFields} task */
export const fillForm = (form, task) => {
  for (const input of inputsOf(form)) {
    const { field = '', kind, part = '' } = input.dataset;
    const value = task[field];
    if (kind === 'flag') /** @type {HTMLInputElement} */ (input).checked = value === true;
    else if (kind === 'words') input.value = (value ?? []).join(SEPARATOR);
    else if (kind === 'timestamps') input.value = toLocalInput(value?.[part] ?? null);
    else input.value = value ?? '';
  }
};

/** @param {Input} input */
export const labelOf = (input) => input.labels?.[0]?.textContent ?? input.name;

/** What to do about an input that cannot be read, by its kind. @type {Record<string, string>} */
const REMEDIES = {
  timestamps: 'give both a day and a time, or empty it.',
  date: 'give a whole day, or empty it.',
  number: 'give a number, or empty it.',
};

/**
 * The first input that would be sent as something else than what it shows: the browser says nothing of a day without its
 * time, and a text that is cut would be cut in silence.
 * @param {ParentNode} form
 * @returns {{ input: Input, text: string } | undefined}
 */
export const faultOf = (form) => {
  for (const input of inputsOf(form)) {
    const { kind = '', most } = input.dataset;
    const label = labelOf(input);
    const isFarDate = kind === 'timestamps' && input.value !== '' && Number.isNaN(Date.parse(input.value));
    if (input.validity.badInput || isFarDate) return { input, text: `${label}: ${REMEDIES[kind] ?? 'correct it.'}` };
    const over = most === undefined ? 0 : Array.from(input.value.trim()).length - Number(most);
    if (over > 0) {
      return {
        input,
        text: `${label}: at most ${formatCount(Number(most))} characters, shorten it by ${formatCount(over)}.`,
      };
    }
  }
  return undefined;
};

/** Shows it and leads to it, until the person types. @param {HTMLFormElement} form @param {HTMLElement} problem @param {{ input: Input, text: string }} fault */
export const showFault = (form, problem, { input, text }) => {
  setText(problem, text);
  input.setAttribute('aria-invalid', 'true');
  if (!input.checkVisibility()) form.querySelector('.fold')?.dispatchEvent(new Event('click'));
  input.focus();
  form.addEventListener(
    'input',
    () => {
      setText(problem, '');
      input.removeAttribute('aria-invalid');
    },
    { once: true },
  );
};

/**
 * What stands in a form, to be compared and put back: null for an input with half a date or number, which no browser tells.
 * @param {ParentNode} form
 * @returns {string}
 */
export const stateOf = (form) =>
  JSON.stringify(
    inputsOf(form).map((input) => {
      if (input.validity.badInput) return null;
      return input instanceof HTMLInputElement && input.type === 'checkbox' ? input.checked : input.value;
    }),
  );

/** Puts it back, and leaves an input alone whose text is not told. @param {ParentNode} form @param {string} state of {@link stateOf} */
export const putBack = (form, state) => {
  const values = JSON.parse(state);
  inputsOf(form).forEach((input, n) => {
    if (values[n] === null) return;
    if (input instanceof HTMLInputElement && input.type === 'checkbox') input.checked = values[n];
    else input.value = values[n];
  });
};

/** The inputs whose text a state does not tell. @param {ParentNode} form @param {string} state of {@link stateOf} */
export const incompleteIn = (form, state) => {
  const values = JSON.parse(state);
  return inputsOf(form).filter((_, n) => values[n] === null);
};

/**
 * Folds what is seldom filled in, where the style sheet says that there is little room; the button tells what is folded.
 * @param {HTMLFormElement} form
 * @returns {() => void} to be called when something else than the person has filled the form
 */
export const foldForm = (form) => {
  const button = need('.fold', HTMLButtonElement, form);
  const name = button.textContent ?? '';
  need('.grow', HTMLElement, form).after(button);
  const tell = () => {
    const filled = [...form.querySelectorAll('.field:not(.grow) :is(input, select, textarea), .check input')].filter(
      (input) =>
        input instanceof HTMLSelectElement
          ? input.selectedIndex > 0
          : input instanceof HTMLInputElement && input.type === 'checkbox'
            ? input.checked
            : /** @type {Input} */ (input).value !== '',
    ).length;
    setText(button, filled === 0 ? name : `${name}: ${filled}`);
  };
  button.addEventListener('click', () => {
    const isFolded = form.dataset.folded !== 'true';
    form.dataset.folded = String(isFolded);
    button.setAttribute('aria-expanded', String(!isFolded));
  });
  form.addEventListener('input', tell);
  return tell;
};
