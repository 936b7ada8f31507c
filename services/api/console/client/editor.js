/** The dialogs: one edits a task, one asks before it is deleted. */
import { api, ApiProblem } from './api.js';
import { announce, make, need, setText } from './dom.js';
import { faultOf, fillForm, incompleteIn, labelOf, putBack, readForm, showFault, stateOf } from './form.js';
import { shorten } from './format.js';

/**
 * @typedef {import('./api.js').Task} Task
 * @typedef {{
 *   task: Task,
 *   filled: string,
 *   saving: string | undefined,
 *   next: { fields: import('./api.js').TaskFields, state: string } | undefined,
 *   draft: string | undefined,
 * }} Edit
 *   States as {@link stateOf} tells them: `filled`: what the form showed first; `saving`: what is on its way; `next`: what is to
 *   be saved after it; `draft`: what stood there unsaved when the editor was closed
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
  /** The last one of each task, by id, be the editor closed or not. @type {Map<string, Edit>} */
  const edits = new Map();
  /** The one on show. @type {Edit | undefined} */
  let edit;

  /** @param {Edit} mine */
  const forget = (mine) => {
    mine.draft = undefined;
    unsaved.querySelector(`[data-draft="${CSS.escape(mine.task.id)}"]`)?.remove();
  };

  /**
   * Offers it above the list until it is saved or discarded. The person is not asked: no page can ask before Back, and a
   * browser closes a dialog at the second Escape whatever its page wants.
   * @param {Edit} mine
   * @param {string} state
   */
  const keep = (mine, state) => {
    const { task } = mine;
    forget(mine);
    mine.draft = state;
    const name = shorten(task.description, 60);
    const goOn = make('button', { type: 'button', text: 'Go on', 'aria-label': `Go on editing: ${name}` });
    const discard = make('button', {
      type: 'button',
      text: 'Discard',
      'aria-label': `Discard what was typed: ${name}`,
    });
    goOn.addEventListener('click', () => onGoOn(mine.task));
    discard.addEventListener('click', () => {
      forget(mine);
      announce('What was typed is discarded.');
      onClosed(task.id);
    });
    const lost = incompleteWords(state);
    const text = make('span', { dir: 'auto', text: `“${name}”: what you typed is not saved. ${lost}`.trimEnd() });
    unsaved.append(make('li', { 'data-draft': task.id }, text, goOn, discard));
    announce(`What you typed is not saved. It is kept above the list: “${name}”. ${lost}`.trimEnd());
  };

  /** @param {string} state */
  const incompleteWords = (state) => {
    const labels = incompleteIn(form, state).map(labelOf);
    return labels.length === 0 ? '' : `An incomplete value cannot be kept, type it again: ${labels.join(', ')}.`;
  };

  /** Puts back what was typed. What was incomplete stands as it was, and is led to. @param {string} state */
  const restore = (state) => {
    putBack(form, state);
    (incompleteIn(form, state)[0] ?? first).focus();
  };

  /** @param {Task} task */
  const fill = (task) => {
    fillForm(form, task);
    edit = { task, filled: stateOf(form), saving: undefined, next: undefined, draft: undefined };
    edits.set(task.id, edit);
    showEdit();
  };

  const showEdit = () => {
    for (const text of [note, problem]) setText(text, '');
    for (const input of form.querySelectorAll('[aria-invalid]')) input.removeAttribute('aria-invalid');
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
    if (state !== (unsavedOf(closed) ?? closed.filled)) keep(closed, state);
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
        const last = unsavedOf(mine) ?? sent.state;
        mine.next = undefined;
        if (edit === mine) refuse(error, stateOf(form) !== sent.state);
        else if (error instanceof ApiProblem) {
          // What was typed after it holds it too.
          if (mine.draft === undefined) keep(mine, last);
          onLost(mine.task, error);
        } else throw error;
      }
    }
    mine.saving = undefined;
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
      // Closed meanwhile, or open for another one, or on its way again.
      if (edit !== edited || edited.saving !== undefined) return;
      const typed = stateOf(form);
      fill(current);
      const merged = merge(typed);
      restore(merged);
      setText(note, incompleteWords(merged));
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
      [...edits.values()].some((one) => unsavedOf(one) !== undefined) ||
      (edit !== undefined && stateOf(form) !== edit.filled),
    close,
    /** @param {Task} task */
    open: (task) => {
      const before = edits.get(task.id);
      const typed = before === undefined ? undefined : unsavedOf(before);
      if (!dialog.open) dialog.showModal();
      if (before === undefined || typed === undefined) {
        fill(task);
        first.focus();
        return;
      }
      edit = before;
      fillForm(form, before.task);
      restore(typed);
      showEdit();
      if (before.draft === undefined) return;
      forget(before);
      setText(note, `This is what you typed before. It is not saved yet. ${incompleteWords(typed)}`.trimEnd());
    },
  };
};

/** The last of what was typed in it, and is not saved. @param {Edit} edit */
const unsavedOf = ({ draft, next, saving }) => draft ?? next?.state ?? saving;

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
