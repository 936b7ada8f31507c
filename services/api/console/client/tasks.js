/** The tasks: created, found, completed and deleted through the public API. */
import { api, ApiProblem, newKey } from './api.js';
import { announce, make, need, setText } from './dom.js';
import { confirmDeletion, createEditor } from './editor.js';
import { fieldNamesOf, readForm, wordsIn } from './form.js';
import { formatCount, formatTime, shorten } from './format.js';

/**
 * @typedef {import('./api.js').Task} Task
 * @typedef {import('./journeys.js').Change} Change
 * @typedef {{ description?: string, isDone?: boolean }} Conditions
 */

/** @param {(change: Change) => void} onChange told of every change that was made here */
export const createTasks = (onChange) => {
  const list = need('#task-list', HTMLElement);
  const empty = need('#tasks-empty', HTMLElement);
  const count = need('#tasks-count', HTMLElement);
  const more = need('#more', HTMLButtonElement);
  const words = need('#search-words', HTMLInputElement);
  const done = need('#search-done', HTMLSelectElement);
  const searchProblem = need('#search-problem', HTMLElement);
  /** What is shown: a search, or without conditions the newest tasks. @type {Conditions | undefined} */
  let conditions;
  /** @type {string | null} */
  let cursor = null;
  /** Only the newest answer counts. */
  let asked = 0;
  /** Whether the whole list was asked for, and not yet drawn. */
  let isListOnItsWay = false;

  /** @param {string} verb @param {Task} task @param {boolean} [deleted] */
  const changed = (verb, { id, version, description }, deleted = false) => {
    onChange({ verb, id, version, description, deleted });
  };

  /** @param {Task} task @returns {HTMLLIElement} */
  const draw = (task) => {
    const name = shorten(task.description, 80);
    const check = make('input', { type: 'checkbox', 'aria-label': `Done: ${name}` });
    check.checked = task.isDone;
    const edit = make('button', { type: 'button', 'aria-label': `Edit: ${name}`, text: 'Edit' });
    const remove = make('button', { type: 'button', 'aria-label': `Delete: ${name}`, text: 'Delete' });
    const problem = make('p', { class: 'problem', role: 'alert' });
    const item = make(
      'li',
      { class: 'task', 'data-id': task.id, 'data-done': String(task.isDone) },
      check,
      make(
        'div',
        { class: 'task-body' },
        make('p', { class: 'task-text', text: task.description }),
        metaOf(task),
        problem,
      ),
      make('div', { class: 'task-actions' }, edit, remove),
    );
    check.addEventListener('change', () => void complete(task, item, check.checked));
    edit.addEventListener('click', () => {
      editor.open(task);
    });
    remove.addEventListener('click', () => void deleteTask(task, item));
    return item;
  };

  /** @param {Task} task @param {HTMLElement} [item] the one on the page @param {string} [focus] what in it gets the focus */
  const replace = (task, item = itemOf(task.id), focus = undefined) => {
    const drawn = draw(task);
    item?.replaceWith(drawn);
    if (focus !== undefined) need(focus, HTMLElement, drawn).focus();
  };

  /** @param {string} id */
  const itemOf = (id) => {
    const found = list.querySelector(`[data-id="${CSS.escape(id)}"]`);
    return found instanceof HTMLElement ? found : undefined;
  };

  const editor = createEditor(
    (task) => {
      replace(task, undefined, itemOf(task.id) === undefined ? undefined : '.task-actions button');
      changed('Changed', task);
      announce('Saved.');
    },
    (task) => {
      replace(task);
    },
  );

  /** @param {Task} task @param {HTMLElement} item @param {unknown} error */
  const refuse = (task, item, error) => {
    if (!(error instanceof ApiProblem)) throw error;
    const problem = need('.problem', HTMLElement, item);
    setText(problem, error.status === 412 ? `Somebody else has changed this task. ${error.message} ` : error.message);
    if (error.status === 404) setText(problem, 'This task is gone: somebody has deleted it.');
    if (error.status !== 412) return;
    const reload = make('button', { type: 'button', text: 'Load the current version' });
    reload.addEventListener('click', async () => {
      try {
        replace(await api.read(task.id), item, 'input');
        announce('The task is shown as it is now.');
      } catch (failure) {
        refuse(task, item, failure);
      }
    });
    problem.append(reload);
  };

  /** @param {Task} task @param {HTMLElement} item @param {boolean} isDone */
  const complete = async (task, item, isDone) => {
    try {
      const saved = await api.update(task, { ...fieldsOf(task), isDone });
      replace(saved, item, 'input');
      changed(isDone ? 'Completed' : 'Reopened', saved);
      announce(isDone ? 'Done.' : 'Open again.');
    } catch (error) {
      need('input', HTMLInputElement, item).checked = task.isDone;
      refuse(task, item, error);
    }
  };

  /** @param {Task} task @param {HTMLElement} item */
  const deleteTask = async (task, item) => {
    if (!(await confirmDeletion(task))) return;
    try {
      await api.delete(task);
    } catch (error) {
      refuse(task, item, error);
      return;
    }
    const neighbour = item.nextElementSibling ?? item.previousElementSibling;
    item.remove();
    if (neighbour !== null) need('input', HTMLElement, neighbour).focus();
    else need('#create-description', HTMLElement).focus();
    // The deletion is a version of its own.
    changed('Deleted', { ...task, version: task.version + 1 }, true);
    announce('Deleted.');
    showEmpty();
  };

  const showEmpty = () => {
    empty.hidden = list.children.length > 0;
    setText(empty, conditions === undefined ? 'No task yet. The first one is yours.' : 'Nothing found.');
  };

  /**
   * What cannot be loaded leaves the page as it is.
   * @param {boolean} fresh from the beginning, or the next page
   * @param {Conditions | undefined} wanted
   */
  const load = async (fresh, wanted) => {
    asked += 1;
    const mine = asked;
    isListOnItsWay = fresh;
    const from = fresh ? null : cursor;
    list.setAttribute('aria-busy', 'true');
    try {
      const page = wanted === undefined ? await api.list(from) : await api.search(wanted, from);
      if (mine !== asked) return;
      conditions = wanted;
      setText(searchProblem, '');
      const drawn = page.tasks.map(draw);
      if (fresh) list.replaceChildren(...drawn);
      else {
        list.append(...drawn);
        drawn[0]?.querySelector('input')?.focus();
      }
      cursor = page.nextCursor;
      more.hidden = cursor === null;
      const found =
        'total' in page && typeof page.total === 'number' ? `${formatCount(page.total)} found` : 'newest first';
      setText(count, found);
      if (wanted !== undefined && fresh) announce(found);
      showEmpty();
    } catch (error) {
      if (mine !== asked) return;
      if (!(error instanceof ApiProblem)) throw error;
      setText(searchProblem, error.message);
    } finally {
      if (mine === asked) {
        list.removeAttribute('aria-busy');
        isListOnItsWay = false;
      }
    }
  };

  const showNewest = () => {
    words.value = '';
    done.value = '';
    void load(true, undefined);
  };

  need('#search', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    const description = words.value.trim();
    void load(true, {
      ...(description === '' ? {} : { description }),
      ...(done.value === '' ? {} : { isDone: done.value === 'true' }),
    });
  });
  need('#clear-search', HTMLButtonElement).addEventListener('click', () => {
    showNewest();
  });
  more.addEventListener('click', () => void load(false, conditions));

  setUpCreation((task) => {
    if (conditions === undefined) {
      // The list may have been read after it was made.
      itemOf(task.id)?.remove();
      list.prepend(draw(task));
      showEmpty();
    }
    // A list that is on its way may have been read before it was made, and would replace it.
    if (conditions !== undefined || isListOnItsWay) showNewest();
    changed('Created', task);
    announce('Created.');
  });
  void load(true, undefined);
};

/** What may be changed of a task, as the editor has it. @param {Task} task @returns {import('./api.js').TaskFields} */
const fieldsOf = (task) =>
  Object.fromEntries(Object.entries(task).filter(([name]) => fieldNamesOf(need('#editor', HTMLElement)).has(name)));

/** @param {Task} task */
const metaOf = (task) => {
  const { priority, dates, version } = task;
  return make(
    'p',
    { class: 'task-meta' },
    ...(priority === 'none'
      ? []
      : [make('span', { class: 'badge', 'data-priority': priority, text: `${priority} priority` })]),
    ...(dates.start === null ? [] : [make('span', { text: `from ${formatTime(dates.start)}` })]),
    ...(dates.due === null ? [] : [make('span', { text: `due ${formatTime(dates.due)}` })]),
    ...wordsIn(need('#editor', HTMLElement), task).map((text) => make('span', { class: 'badge', text })),
    make('span', { class: 'version', text: `version ${version}` }),
  );
};

/** The form for a new task. @param {(task: Task) => void} onCreated */
const setUpCreation = (onCreated) => {
  const form = need('#create', HTMLFormElement);
  const description = need('#create-description', HTMLInputElement);
  const problem = need('#create-problem', HTMLElement);
  const submit = need('button', HTMLButtonElement, form);
  // One key for one task, however often it takes to get it through; another input is another task.
  let key = newKey();
  form.addEventListener('input', () => {
    key = newKey();
  });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    // Not `disabled`: that would lose the focus.
    if (submit.getAttribute('aria-disabled') === 'true') return;
    submit.setAttribute('aria-disabled', 'true');
    try {
      const task = await api.create(readForm(form), key);
      key = newKey();
      form.reset();
      setText(problem, '');
      description.removeAttribute('aria-invalid');
      onCreated(task);
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      setText(problem, error.message);
      if (error.status === 400) description.setAttribute('aria-invalid', 'true');
    } finally {
      submit.removeAttribute('aria-disabled');
      description.focus();
    }
  });
};
