/** The dialogs: one edits a task, one asks before it is deleted. */
import { api, ApiProblem } from './api.js';
import { announce, make, need, setText } from './dom.js';
import { faultOf, fillForm, putBack, readForm, showFault, stateOf } from './form.js';
import { shorten } from './format.js';

/**
 * @typedef {import('./api.js').Task} Task
 * @typedef {{
 *   task: Task,
 *   filled: string,
 *   saving: string | undefined,
 *   next: { fields: import('./api.js').TaskFields, state: string } | undefined,
 * }} Edit
 *   `filled`: what the form showed first, as {@link stateOf} tells it; `saving`: what is on its way; `next`: what is to be saved
 *   after it
 */

/**
 * @param {(task: Task) => void} onSaved
 * @param {(task: Task) => void} onReloaded
 * @param {(id: string) => void} onClosed
 * @param {(task: Task, error: ApiProblem) => void} onLost told of a save that failed after the editor was closed
 * @param {(task: Task) => void} onGoOn told of what was kept and shall be edited on
 */
export const createEditor = (onSaved, onReloaded, onClosed, onLost, onGoOn) => {
  const dialog = need('#editor', HTMLDialogElement);
  const form = need('form', HTMLFormElement, dialog);
  const first = need('[data-field]', HTMLElement, form);
  const note = need('#editor-note', HTMLElement);
  const problem = need('#editor-problem', HTMLElement);
  const choices = need('#editor-conflict', HTMLElement);
  const reload = need('#editor-reload', HTMLButtonElement);
  const submit = need('[type="submit"]', HTMLButtonElement, form);
  const unsaved = need('#unsaved', HTMLElement);
  /**
   * What was typed and not saved when the editor was closed, by id. It is kept, and the person is not asked: no page can ask
   * before Back, and a browser closes a dialog at the second Escape whatever its page wants.
   * @type {Map<string, { edit: Edit, state: string }>}
   */
  const drafts = new Map();
  /** What is being saved, be the editor closed or not, by id. @type {Map<string, Edit>} */
  const underWay = new Map();
  /** @type {Edit | undefined} */
  let edit;

  /** @param {string} id */
  const forget = (id) => {
    drafts.delete(id);
    unsaved.querySelector(`[data-draft="${CSS.escape(id)}"]`)?.remove();
  };

  /** Offers it above the list until it is saved or discarded. @param {Edit} mine @param {string} state */
  const keep = (mine, state) => {
    const { task } = mine;
    forget(task.id);
    drafts.set(task.id, { edit: mine, state });
    const name = shorten(task.description, 60);
    const goOn = make('button', { type: 'button', text: 'Go on', 'aria-label': `Go on editing: ${name}` });
    const discard = make('button', {
      type: 'button',
      text: 'Discard',
      'aria-label': `Discard what was typed: ${name}`,
    });
    goOn.addEventListener('click', () => onGoOn(mine.task));
    discard.addEventListener('click', () => {
      forget(task.id);
      announce('What was typed is discarded.');
      onClosed(task.id);
    });
    const text = make('span', { dir: 'auto', text: `“${name}”: what you typed is not saved.` });
    unsaved.append(make('li', { 'data-draft': task.id }, text, goOn, discard));
    announce(`What you typed is not saved. It is kept above the list: “${name}”.`);
  };

  /** @param {Task} task */
  const fill = (task) => {
    fillForm(form, task);
    edit = { task, filled: stateOf(form), saving: undefined, next: undefined };
    showEdit();
  };

  const showEdit = () => {
    for (const text of [note, problem]) setText(text, '');
    setText(submit, edit?.saving === undefined ? 'Save' : 'Saving …');
    choices.hidden = true;
  };

  /** The browser tells of a closed dialog a moment later: by then it may be open again. */
  const finish = () => {
    if (dialog.open || edit === undefined) return;
    const closed = edit;
    const state = stateOf(form);
    edit = undefined;
    onClosed(closed.task.id);
    if (state !== (closed.next?.state ?? closed.saving ?? closed.filled)) keep(closed, state);
  };
  const close = () => {
    dialog.close();
    finish();
  };

  /** @param {unknown} error @param {boolean} isTypedOn whoever types is not taken from where they are */
  const refuse = (error, isTypedOn = false) => {
    if (!(error instanceof ApiProblem)) throw error;
    const isConflict = error.status === 412;
    setText(
      problem,
      isConflict
        ? `Somebody else has changed this task. ${error.message}`
        : error.status === 404
          ? 'Somebody has deleted this task: it cannot be saved any more. Copy what you typed into a new one.'
          : error.message,
    );
    choices.hidden = !isConflict;
    if (isTypedOn) return;
    if (isConflict) reload.focus();
    else first.focus();
  };

  /** One save after the other: what is typed meanwhile stays, and what is submitted meanwhile comes next. @param {Edit} mine */
  const save = async (mine) => {
    if (mine.saving !== undefined) return;
    underWay.set(mine.task.id, mine);
    setText(submit, 'Saving …');
    for (let sent = mine.next; sent !== undefined; sent = mine.next) {
      mine.next = undefined;
      mine.saving = sent.state;
      try {
        mine.task = await api.update(mine.task, sent.fields);
        mine.filled = sent.state;
        onSaved(mine.task);
        if (edit !== mine || mine.next !== undefined) continue;
        if (stateOf(form) === sent.state) close();
        else {
          setText(note, 'Saved, but for what you have typed since.');
        }
      } catch (error) {
        const last = lastOf(mine) ?? sent.state;
        mine.next = undefined;
        if (edit === mine) refuse(error, stateOf(form) !== sent.state);
        else if (error instanceof ApiProblem) {
          // What was typed after it holds it too.
          if (!drafts.has(mine.task.id)) keep(mine, last);
          onLost(mine.task, error);
        } else throw error;
      }
    }
    mine.saving = undefined;
    underWay.delete(mine.task.id);
    if (edit === mine) setText(submit, 'Save');
  };

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (edit === undefined) return;
    for (const text of [note, problem]) setText(text, '');
    choices.hidden = true;
    const fault = faultOf(form);
    if (fault !== undefined) {
      showFault(form, problem, fault);
      return;
    }
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
  form.addEventListener('keydown', (event) => {
    // Enter alone is a line of the description.
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    form.requestSubmit();
  });
  need('#editor-close', HTMLButtonElement).addEventListener('click', close);
  // The person may close it by other means, such as Escape.
  dialog.addEventListener('close', finish);

  return {
    /** The id of what is edited now. */
    openId: () => edit?.task.id,
    /** Whether something was typed that is not saved. */
    isChanged: () =>
      drafts.size > 0 || (edit !== undefined && (edit.saving !== undefined || stateOf(form) !== edit.filled)),
    close,
    /** @param {Task} task */
    open: (task) => {
      const draft = drafts.get(task.id);
      const saving = underWay.get(task.id);
      fill(task);
      if (draft !== undefined) {
        forget(task.id);
        edit = draft.edit;
        putBack(form, draft.state);
        showEdit();
        setText(note, 'This is what you typed before. It is not saved yet.');
      } else if (saving !== undefined) {
        edit = saving;
        putBack(form, saving.next?.state ?? saving.saving ?? saving.filled);
        showEdit();
      }
      if (!dialog.open) dialog.showModal();
      first.focus();
    },
  };
};

/** What was submitted last, while another save was under way. @param {Edit} edit */
const lastOf = ({ next }) => next?.state;

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
