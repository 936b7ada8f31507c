/** The dialogs: one edits a task, one asks before it is deleted. */
import { api, ApiProblem } from './api.js';
import { need, setText } from './dom.js';
import { fillForm, readForm } from './form.js';
import { shorten } from './format.js';

/** @typedef {import('./api.js').Task} Task */

/**
 * @param {(task: Task) => void} onSaved
 * @param {(task: Task) => void} onReloaded
 * @param {(id: string) => void} onClosed
 */
export const createEditor = (onSaved, onReloaded, onClosed) => {
  const dialog = need('#editor', HTMLDialogElement);
  const form = need('form', HTMLFormElement, dialog);
  const first = need('[data-field]', HTMLElement, form);
  const problem = need('#editor-problem', HTMLElement);
  const reload = need('#editor-reload', HTMLButtonElement);
  /** @type {Task | undefined} */
  let task;

  /** @param {Task} shown */
  const fill = (shown) => {
    task = shown;
    fillForm(form, shown);
    setText(problem, '');
    reload.hidden = true;
  };

  /** @param {unknown} error */
  const refuse = (error) => {
    if (!(error instanceof ApiProblem)) throw error;
    setText(problem, error.status === 412 ? `Somebody else has changed this task. ${error.message}` : error.message);
    reload.hidden = error.status !== 412;
    if (error.status === 412) reload.focus();
    else first.focus();
  };

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const edited = task;
    if (edited === undefined) return;
    try {
      const saved = await api.update(edited, readForm(form, edited));
      onSaved(saved);
      if (task === edited) dialog.close();
    } catch (error) {
      if (task === edited) refuse(error);
    }
  });
  reload.addEventListener('click', async () => {
    const edited = task;
    if (edited === undefined) return;
    try {
      const current = await api.read(edited.id);
      onReloaded(current);
      // Closed meanwhile, or open for another one.
      if (task !== edited) return;
      fill(current);
      first.focus();
    } catch (error) {
      if (task === edited) refuse(error);
    }
  });
  need('#editor-cancel', HTMLButtonElement).addEventListener('click', () => {
    dialog.close();
  });

  dialog.addEventListener('close', () => {
    const id = task?.id;
    task = undefined;
    if (id !== undefined) onClosed(id);
  });

  return {
    /** The id of what is edited now. */
    openId: () => task?.id,
    close: () => {
      dialog.close();
    },
    /** @param {Task} shown */
    open: (shown) => {
      fill(shown);
      dialog.showModal();
      first.focus();
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
