/** The dialogs: one edits a task, one asks before it is deleted. */
import { api, ApiProblem } from './api.js';
import { need, setText } from './dom.js';
import { fillForm, putBack, readForm, stateOf } from './form.js';
import { shorten } from './format.js';

/**
 * @typedef {import('./api.js').Task} Task
 * @typedef {{
 *   task: Task,
 *   filled: string,
 *   isSaving: boolean,
 *   next: { fields: import('./api.js').TaskFields, state: string } | undefined,
 * }} Edit
 *   `filled`: what the form showed first, as {@link stateOf} tells it; `next`: what is to be saved, once what is on its way is
 */

/**
 * @param {(task: Task) => void} onSaved
 * @param {(task: Task) => void} onReloaded
 * @param {(id: string) => void} onClosed
 * @param {(task: Task, error: ApiProblem) => void} onLost told of a save that failed after the editor was closed
 */
export const createEditor = (onSaved, onReloaded, onClosed, onLost) => {
  const dialog = need('#editor', HTMLDialogElement);
  const form = need('form', HTMLFormElement, dialog);
  const first = need('[data-field]', HTMLElement, form);
  const note = need('#editor-note', HTMLElement);
  const problem = need('#editor-problem', HTMLElement);
  const choices = need('#editor-conflict', HTMLElement);
  const reload = need('#editor-reload', HTMLButtonElement);
  const submit = need('[type="submit"]', HTMLButtonElement, form);
  /** @type {Edit | undefined} */
  let edit;

  /** @param {Task} task */
  const fill = (task) => {
    fillForm(form, task);
    edit = { task, filled: stateOf(form), isSaving: false, next: undefined };
    for (const text of [note, problem]) setText(text, '');
    setText(submit, 'Save');
    choices.hidden = true;
  };

  /** The browser tells of a closed dialog a moment later: by then it may be open again. */
  const finish = () => {
    if (dialog.open || edit === undefined) return;
    const { id } = edit.task;
    edit = undefined;
    onClosed(id);
  };
  const close = () => {
    dialog.close();
    finish();
  };

  /** @param {unknown} error @param {boolean} isTypedOn whoever types is not taken from where they are */
  const refuse = (error, isTypedOn = false) => {
    if (!(error instanceof ApiProblem)) throw error;
    const isConflict = error.status === 412;
    setText(problem, isConflict ? `Somebody else has changed this task. ${error.message}` : error.message);
    choices.hidden = !isConflict;
    if (isTypedOn) return;
    if (isConflict) reload.focus();
    else first.focus();
  };

  /** One save after the other: what is typed meanwhile stays, and what is submitted meanwhile comes next. @param {Edit} mine */
  const save = async (mine) => {
    if (mine.isSaving) return;
    mine.isSaving = true;
    setText(submit, 'Saving …');
    for (let sent = mine.next; sent !== undefined; sent = mine.next) {
      mine.next = undefined;
      try {
        mine.task = await api.update(mine.task, sent.fields);
        onSaved(mine.task);
        if (edit !== mine || mine.next !== undefined) continue;
        if (stateOf(form) === sent.state) close();
        else {
          mine.filled = sent.state;
          setText(note, 'Saved, but for what you have typed since.');
        }
      } catch (error) {
        mine.next = undefined;
        if (edit === mine) refuse(error, stateOf(form) !== sent.state);
        else if (error instanceof ApiProblem) onLost(mine.task, error);
        else throw error;
      }
    }
    mine.isSaving = false;
    if (edit === mine) setText(submit, 'Save');
  };

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (edit === undefined) return;
    for (const text of [note, problem]) setText(text, '');
    choices.hidden = true;
    edit.next = { fields: readForm(form, edit.task), state: stateOf(form) };
    void save(edit);
  });

  /** Goes on from the current version. @param {(before: string) => string} merge what the form shows then */
  const goOn = async (merge) => {
    const edited = edit;
    if (edited === undefined) return;
    try {
      const current = await api.read(edited.task.id);
      onReloaded(current);
      // Closed meanwhile, or open for another one.
      if (edit !== edited) return;
      const typed = stateOf(form);
      fill(current);
      putBack(form, merge(typed));
      first.focus();
    } catch (error) {
      if (edit === edited) refuse(error);
    }
  };
  reload.addEventListener('click', () => void goOn(() => stateOf(form)));
  need('#editor-keep', HTMLButtonElement).addEventListener('click', () => {
    const before = JSON.parse(edit?.filled ?? '[]');
    void goOn((typed) => {
      const mine = JSON.parse(typed);
      const theirs = JSON.parse(stateOf(form));
      return JSON.stringify(
        theirs.map((/** @type {unknown} */ value, /** @type {number} */ n) =>
          mine[n] === before[n] ? value : mine[n],
        ),
      );
    });
  });
  need('#editor-cancel', HTMLButtonElement).addEventListener('click', close);
  // The person may close it by other means, such as Escape.
  dialog.addEventListener('close', finish);

  return {
    /** The id of what is edited now. */
    openId: () => edit?.task.id,
    /** Whether something was typed that is not saved. */
    isChanged: () => edit !== undefined && (edit.isSaving || stateOf(form) !== edit.filled),
    close,
    /** @param {Task} task */
    open: (task) => {
      fill(task);
      if (!dialog.open) dialog.showModal();
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
