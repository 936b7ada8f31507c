/** The dialogs: one edits a task, one asks before it is deleted. */
import { api, ApiProblem } from './api.js';
import { need, setText } from './dom.js';
import { fromLocalInput, shorten, toLocalInput } from './format.js';

/** @typedef {import('./api.js').Task} Task */

/** @param {(task: Task) => void} onSaved @param {(task: Task) => void} onReloaded */
export const createEditor = (onSaved, onReloaded) => {
  const dialog = need('#editor', HTMLDialogElement);
  const form = need('form', HTMLFormElement, dialog);
  const description = need('#edit-description', HTMLTextAreaElement);
  const priority = need('#edit-priority', HTMLSelectElement);
  const start = need('#edit-start', HTMLInputElement);
  const due = need('#edit-due', HTMLInputElement);
  const done = need('#edit-done', HTMLInputElement);
  const problem = need('#editor-problem', HTMLElement);
  const reload = need('#editor-reload', HTMLButtonElement);
  /** @type {Task | undefined} */
  let task;

  /** @param {Task} shown */
  const fill = (shown) => {
    task = shown;
    description.value = shown.description;
    priority.value = shown.priority;
    start.value = toLocalInput(shown.dates.start);
    due.value = toLocalInput(shown.dates.due);
    done.checked = shown.isDone;
    setText(problem, '');
    reload.hidden = true;
  };

  /** @param {unknown} error */
  const refuse = (error) => {
    if (!(error instanceof ApiProblem)) throw error;
    setText(problem, error.status === 412 ? `Somebody else has changed this task. ${error.message}` : error.message);
    reload.hidden = error.status !== 412;
    if (error.status === 412) reload.focus();
    else description.focus();
  };

  /** An unchanged field is sent as it was: the input shows no seconds. @param {HTMLInputElement} input @param {string | null} before */
  const dateOf = (input, before) => (input.value === toLocalInput(before) ? before : fromLocalInput(input.value));

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (task === undefined) return;
    try {
      const saved = await api.update(task, {
        description: description.value,
        priority: priority.value,
        dates: { start: dateOf(start, task.dates.start), due: dateOf(due, task.dates.due) },
        isDone: done.checked,
      });
      dialog.close();
      onSaved(saved);
    } catch (error) {
      refuse(error);
    }
  });
  reload.addEventListener('click', async () => {
    if (task === undefined) return;
    try {
      const current = await api.read(task.id);
      fill(current);
      onReloaded(current);
      description.focus();
    } catch (error) {
      refuse(error);
    }
  });
  need('#editor-cancel', HTMLButtonElement).addEventListener('click', () => {
    dialog.close();
  });

  return {
    /** @param {Task} shown */
    open: (shown) => {
      fill(shown);
      dialog.showModal();
      description.focus();
    },
  };
};

/** Asks before a task is deleted. @param {Task} task @returns {Promise<boolean>} */
export const confirmDeletion = (task) => {
  const dialog = need('#confirm', HTMLDialogElement);
  setText(need('#confirm-text', HTMLElement, dialog), shorten(task.description, 200));
  dialog.returnValue = 'cancel';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'delete'), { once: true });
  });
};
