/**
 * The form for a new task. What was sent makes room for the next one at once; what could not be created comes back into
 * the form, or stands below it where the person has typed on.
 */
import { api, ApiProblem, newKey } from './api.js';
import { announce, make, need, setText } from './dom.js';
import { faultOf, foldForm, putBack, readForm, showFault, stateOf } from './form.js';
import { shorten } from './format.js';

/**
 * @typedef {import('./api.js').Task} Task
 * @typedef {{ fields: import('./api.js').TaskFields, state: string, key: string }} Creation
 */

/** A creation that takes longer is shown. */
const SLOW_MS = 500;
/** A second press of the same button or key. */
const AGAIN_MS = 700;

/**
 * @param {(task: Task) => void} onCreated
 * @returns {() => boolean} whether something was typed, sent or given back that is not created
 */
export const setUpCreation = (onCreated) => {
  const form = need('#create', HTMLFormElement);
  const description = need('#create-description', HTMLInputElement);
  const problem = need('#create-problem', HTMLElement);
  const slow = need('#create-slow', HTMLElement);
  const unsent = need('#unsent', HTMLElement);
  const tellFold = foldForm(form);
  const untouched = stateOf(form);
  // One key for one task, however often it takes to get it through; another input is another task.
  let key = newKey();
  /** @type {Creation[]} */
  const queue = [];
  let isSending = false;
  let submittedAt = Number.NEGATIVE_INFINITY;

  /** What the form says; the form is for another one then. @returns {Creation} */
  const take = () => {
    const taken = { fields: readForm(form), state: stateOf(form), key };
    form.reset();
    key = newKey();
    tellFold();
    return taken;
  };

  /** @param {Creation} creation */
  const giveBack = (creation) => {
    putBack(form, creation.state);
    key = creation.key;
    tellFold();
  };

  /** @param {Creation} creation @param {string} why */
  const setAside = (creation, why) => {
    const name = shorten(nameOf(creation), 60);
    const again = make('button', { type: 'button', text: 'Try again', 'aria-label': `Try again: ${name}` });
    const edit = make('button', { type: 'button', text: 'Edit', 'aria-label': `Edit before it is created: ${name}` });
    const item = make('li', {}, make('span', { dir: 'auto', text: `“${name}”: ${why}` }), again, edit);
    const leave = () => {
      item.remove();
      description.focus();
    };
    again.addEventListener('click', () => {
      leave();
      queue.push(creation);
      void send();
    });
    edit.addEventListener('click', () => {
      if (stateOf(form) !== untouched) {
        const fault = faultOf(form);
        if (fault !== undefined) {
          showFault(form, problem, fault);
          return;
        }
        setAside(take(), 'not sent yet.');
      }
      giveBack(creation);
      leave();
    });
    unsent.append(item);
  };

  /** @param {Creation} creation */
  const nameOf = ({ state }) => String(JSON.parse(state)[0]);

  /** @param {Creation} creation @param {ApiProblem} error */
  const refuse = (creation, { message, status }) => {
    if (stateOf(form) === untouched) {
      giveBack(creation);
      setText(problem, message);
      if (status === 400) description.setAttribute('aria-invalid', 'true');
      return;
    }
    setAside(creation, message);
    announce(`“${shorten(nameOf(creation), 60)}” was not created. ${message}`);
  };

  const send = async () => {
    if (isSending) return;
    isSending = true;
    try {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const name = nameOf(next);
        const timer = setTimeout(() => {
          setText(slow, `Creating “${shorten(name, 60)}” …`);
        }, SLOW_MS);
        try {
          onCreated(await api.create(next.fields, next.key));
        } catch (error) {
          if (!(error instanceof ApiProblem)) throw error;
          refuse(next, error);
        } finally {
          clearTimeout(timer);
          setText(slow, '');
        }
      }
    } finally {
      isSending = false;
    }
  };

  form.addEventListener('input', () => {
    key = newKey();
    setText(problem, '');
    description.removeAttribute('aria-invalid');
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const sinceMs = event.timeStamp - submittedAt;
    submittedAt = event.timeStamp;
    if (stateOf(form) === untouched && (isSending || sinceMs < AGAIN_MS)) return;
    setText(problem, '');
    description.removeAttribute('aria-invalid');
    const fault = faultOf(form);
    if (fault !== undefined) {
      showFault(form, problem, fault);
      return;
    }
    queue.push(take());
    description.focus();
    void send();
  });

  return () => isSending || queue.length > 0 || unsent.children.length > 0 || stateOf(form) !== untouched;
};
