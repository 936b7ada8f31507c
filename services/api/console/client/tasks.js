/** The tasks: created, found, completed and deleted through the public API. */
import { goTo, leaveOpen, onAddress, readAddress } from './address.js';
import { api, ApiProblem } from './api.js';
import { setUpCreation } from './create.js';
import { announce, make, need, setText } from './dom.js';
import { confirmDeletion, createEditor } from './editor.js';
import { fieldNamesOf, foldForm, wordsIn, wordsOf } from './form.js';
import { formatCount, formatDate, shorten } from './format.js';
import { createLive } from './live.js';

/**
 * @typedef {import('./api.js').Task} Task
 * @typedef {import('./journeys.js').Change} Change
 * @typedef {import('./api.js').Conditions} Conditions
 */

/** Between two letters of somebody who types on. */
const TYPING_MS = 300;
/** What failed for a while is asked again so often. */
const AGAIN_MS = 2_000;

/** @param {(change: Change) => void} onChange told of every change that was made here */
export const createTasks = (onChange) => {
  const searchForm = need('#search', HTMLFormElement);
  const tellFold = foldForm(searchForm);
  const clear = need('#clear-search', HTMLButtonElement);
  const list = need('#task-list', HTMLElement);
  const empty = need('#tasks-empty', HTMLElement);
  const count = need('#tasks-count', HTMLElement);
  const more = need('#more', HTMLButtonElement);
  const words = need('#search-words', HTMLInputElement);
  const done = need('#search-done', HTMLSelectElement);
  const priority = need('#search-priority', HTMLSelectElement);
  const tags = need('#search-tags', HTMLInputElement);
  const overdue = need('#search-overdue', HTMLInputElement);
  const news = need('#news', HTMLButtonElement);
  const searchProblem = need('#search-problem', HTMLElement);
  const linkProblem = need('#link-problem', HTMLElement);
  const moreProblem = need('#more-problem', HTMLElement);
  /** What is shown: a search, or without conditions the newest tasks. @type {Conditions | undefined} */
  let conditions;
  /** @type {string | null} */
  let cursor = null;
  /** Hits of the search that is shown, when it was asked. */
  let total = 0;
  /** Only the newest answer counts. */
  let asked = 0;
  /** The search that was asked for last, though its answer may not be there. @type {Conditions | undefined} */
  let requested;
  /** Whether the whole list was asked for, and not yet drawn. */
  let isListOnItsWay = false;
  /** When to ask again for the list that could not be read. @type {number | undefined} */
  let againAt;
  /** How far the last change of each thing on show has come. @type {Map<string, string>} */
  const ways = new Map();

  /** @param {string} verb @param {Task} task @param {boolean} [deleted] */
  const changed = (verb, { id, version, description }, deleted = false) => {
    onChange({ verb, id, version, description, deleted });
  };

  /** @param {Task} task @returns {HTMLLIElement} */
  const draw = (task) => {
    const name = shorten(task.description, 80);
    const check = make('input', { type: 'checkbox', 'aria-label': `Done: ${name}` });
    check.checked = task.isDone;
    const copy = make('button', { type: 'button', 'aria-label': `Copy id: ${name}`, text: 'Copy id' });
    const edit = make('button', { type: 'button', 'aria-label': `Edit: ${name}`, text: 'Edit' });
    const remove = make('button', { type: 'button', 'aria-label': `Delete: ${name}`, text: 'Delete' });
    const problem = make('p', { class: 'problem', role: 'alert' });
    const item = make(
      'li',
      {
        class: 'task',
        'data-id': task.id,
        'data-done': String(task.isDone),
        'data-version': String(task.version),
      },
      make('label', { class: 'task-check' }, check),
      make(
        'div',
        { class: 'task-body' },
        make('p', { class: 'task-text', dir: 'auto', text: task.description }),
        metaOf(task, ways.get(task.id) ?? ''),
        problem,
      ),
      make('div', { class: 'task-actions' }, edit, copy, remove),
    );
    check.addEventListener('change', () => void complete(task, item, check.checked));
    edit.addEventListener('click', () => openEditor(task));
    copy.addEventListener('click', () => void copyId(task, item));
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
      replace(task);
      changed('Changed', task);
      announce('Saved.');
    },
    (task) => {
      replace(task);
    },
    (id) => {
      leaveOpen();
      const button = itemOf(id)?.querySelector('.task-actions button');
      // A row that is gone has none, and the focus must be somewhere.
      (button instanceof HTMLElement ? button : words).focus();
      live.released(id);
    },
    (task, error) => {
      const item = itemOf(task.id);
      if (item !== undefined) refuse(task, item, error);
      announce(`“${shorten(task.description, 60)}” was not saved. ${error.message}`);
    },
    (task) => openEditor(task),
  );

  /** @param {Task} task */
  const openEditor = (task) => {
    setText(linkProblem, '');
    editor.open(task);
    goTo({ open: task.id });
  };

  const live = createLive(
    {
      ids: () => [...list.children].flatMap((item) => (item instanceof HTMLElement ? [item.dataset.id ?? ''] : [])),
      versionOf: (id) => {
        const { version, gone } = itemOf(id)?.dataset ?? {};
        return version === undefined || gone !== undefined ? undefined : Number(version);
      },
      isEdited: (id) => editor.openId() === id,
      replace: (task) => {
        const item = itemOf(task.id);
        // Whoever is on one of its buttons stays there.
        const label = item?.contains(document.activeElement) ? document.activeElement?.textContent : undefined;
        replace(task, item);
        const drawn = itemOf(task.id);
        drawn?.classList.add('fresh');
        if (drawn === undefined || label === undefined) return;
        const controls = [...drawn.querySelectorAll('input, button')];
        const same = controls.find((control) => control.textContent === label);
        if (same instanceof HTMLElement) same.focus();
      },
      markGone: (id) => {
        const item = itemOf(id);
        if (item === undefined) return;
        item.dataset.gone = 'true';
        const isHere = item.contains(document.activeElement);
        for (const control of item.querySelectorAll('input, button')) {
          if (control instanceof HTMLInputElement) control.disabled = true;
          else control.remove();
        }
        setText(need('.problem', HTMLElement, item), 'This task is gone: somebody has deleted it.');
        if (isHere) words.focus();
      },
      isSearch: () => conditions !== undefined,
      newest: async () => (conditions === undefined ? (await api.list(null, 100)).tasks : undefined),
      found: async (heard) => {
        if (conditions === undefined) return undefined;
        const mine = asked;
        const page = await api.search(conditions, null);
        if (mine !== asked) return undefined;
        // As many may have left the hits as have come.
        const unseen = page.tasks.filter(({ id }) => heard.has(id) && itemOf(id) === undefined).length;
        return Math.max(page.total - total, unseen);
      },
    },
    (found) => {
      const wasHidden = news.dataset.empty === 'true';
      news.dataset.empty = String(found === undefined);
      if (found === undefined) return;
      setText(news, `${found} new: show`);
      if (wasHidden) announce('There are new tasks.');
    },
  );

  /** @param {Task} task @param {HTMLElement} item */
  const copyId = async (task, item) => {
    try {
      await navigator.clipboard.writeText(task.id);
      announce('The id is copied.');
      const button = need('button:nth-of-type(2)', HTMLButtonElement, item);
      button.textContent = 'Copied';
      setTimeout(() => {
        button.textContent = 'Copy id';
      }, 2_000);
    } catch {
      // A page without TLS may not write there.
      setText(need('.problem', HTMLElement, item), `The browser does not let this page copy. The id is ${task.id}.`);
    }
  };

  /** @param {Task} task @param {HTMLElement} before @param {unknown} error */
  const refuse = (task, before, error) => {
    if (!(error instanceof ApiProblem)) throw error;
    // It may have been drawn anew in the meantime.
    const item = itemOf(task.id) ?? before;
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
      replace(saved, itemOf(task.id), 'input');
      changed(isDone ? 'Completed' : 'Reopened', saved);
      announce(isDone ? 'Done.' : 'Open again.');
    } catch (error) {
      need('input', HTMLInputElement, itemOf(task.id) ?? item).checked = task.isDone;
      refuse(task, item, error);
    }
  };

  /** @param {Task} task @param {HTMLElement} before */
  const deleteTask = async (task, before) => {
    if (!(await confirmDeletion(task))) return;
    try {
      await api.delete(task);
    } catch (error) {
      refuse(task, before, error);
      return;
    }
    const item = itemOf(task.id) ?? before;
    const neighbour = item.nextElementSibling ?? item.previousElementSibling;
    item.remove();
    if (neighbour !== null) need('input', HTMLElement, neighbour).focus();
    else need('#create-description', HTMLElement).focus();
    // The deletion is a version of its own.
    changed('Deleted', { ...task, version: task.version + 1 }, true);
    announce('Deleted.');
    if (conditions !== undefined) {
      total = Math.max(0, total - 1);
      setText(count, `${formatCount(total)} found`);
    }
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
    requested = wanted;
    againAt = undefined;
    setText(moreProblem, '');
    const askedAt = performance.now();
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
      const hits = 'total' in page && typeof page.total === 'number' ? page.total : undefined;
      if (fresh) total = hits ?? 0;
      const found = hits === undefined ? 'newest first' : `${formatCount(hits)} found`;
      setText(count, found);
      if (wanted !== undefined && fresh) announce(found);
      showEmpty();
      if (fresh) live.loaded(askedAt);
    } catch (error) {
      if (mine !== asked) return;
      if (!(error instanceof ApiProblem)) throw error;
      if (!fresh) {
        setText(moreProblem, error.message);
        return;
      }
      const isPassing = error.status === 0 || error.status === 429 || error.status >= 500;
      if (isPassing) againAt = performance.now() + Math.max(AGAIN_MS, error.waitMs);
      setText(searchProblem, isPassing ? `${error.message} The page asks again by itself.` : error.message);
      // What stands there is not what the form asks for.
      setText(count, list.children.length === 0 ? '' : 'still the list of before');
      more.hidden = true;
    } finally {
      if (mine === asked) {
        list.removeAttribute('aria-busy');
        list.classList.remove('waiting');
        isListOnItsWay = false;
      }
    }
  };

  /** What the form asks for; nothing when it asks for nothing. @returns {Conditions | undefined} */
  const asks = () => {
    const description = words.value.trim();
    const names = wordsOf(tags.value);
    /** @type {Conditions} */
    const wanted = {
      ...(description === '' ? {} : { description }),
      ...(done.value === '' ? {} : { isDone: done.value === 'true' }),
      ...(priority.value === '' ? {} : { priority: priority.value }),
      ...(names.length === 0 ? {} : { tags: names }),
      ...(overdue.checked ? { overdue: true } : {}),
    };
    return Object.keys(wanted).length === 0 ? undefined : wanted;
  };

  /** The search that the list shows, as the address has it. */
  let shownSearch = '';
  const searchOf = () => JSON.stringify({ ...readAddress(), open: '' });

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;
  /** @param {'typing' | 'typed'} [how] */
  const search = (how) => {
    clearTimeout(typing);
    goTo(
      {
        q: words.value.trim(),
        done: done.value,
        priority: priority.value,
        tags: wordsOf(tags.value).join(','),
        overdue: overdue.checked ? 'true' : '',
      },
      how,
    );
    // A blank more asks for nothing else.
    if (how === 'typing' && searchOf() === shownSearch) return;
    shownSearch = searchOf();
    setText(linkProblem, '');
    showFilters();
    void load(true, asks());
  };

  const showFilters = () => {
    tellFold();
    clear.hidden = asks() === undefined;
  };

  const showNewest = () => {
    searchForm.reset();
    search();
  };

  /** @param {HTMLSelectElement | HTMLInputElement} control @param {string} value */
  const inVain = (control, value) => `“${value}” in “${control.labels?.[0]?.textContent?.trim() ?? control.name}”`;

  /** @param {HTMLSelectElement} select @param {string} value @returns {string | undefined} what a link asks for in vain */
  const choose = (select, value) => {
    select.value = value;
    if (select.selectedIndex >= 0) return undefined;
    select.value = '';
    return inVain(select, value);
  };

  /** @param {HTMLInputElement} box @param {string} value @returns {string | undefined} the same of what is true, or not named */
  const tick = (box, value) => {
    box.checked = value === 'true';
    return box.checked || value === '' ? undefined : inVain(box, value);
  };

  /** Shows what the address names: at the start, and after Back. */
  const showAddress = async () => {
    const { q, done: isDone, priority: level, tags: names, overdue: isOverdue, open } = readAddress();
    const opens = open !== '' && editor.openId() !== open;
    const searches = searchOf() !== shownSearch;
    if (opens || searches) setText(linkProblem, '');
    if (searches) {
      words.value = q;
      const unknown = [choose(done, isDone), choose(priority, level), tick(overdue, isOverdue)].filter(Boolean);
      if (unknown.length > 0) {
        const text = `There is no ${unknown.join(' and no ')}: the list is not filtered by what this link asks.`;
        setText(linkProblem, text);
      }
      tags.value = names;
      shownSearch = searchOf();
      showFilters();
      void load(true, asks());
    }
    if (open === '') editor.close();
    else if (opens) {
      try {
        const task = await api.read(open);
        if (readAddress().open === open && editor.openId() === undefined) editor.open(task);
      } catch (error) {
        if (!(error instanceof ApiProblem)) throw error;
        // Something else may have been opened meanwhile, above too.
        if (readAddress().open !== open) return;
        const isNone = error.status === 400;
        if (isNone || error.status === 404) {
          setText(
            linkProblem,
            isNone ? 'This link leads to no task: its id is not whole.' : 'The task of this link is gone.',
          );
          leaveOpen();
        } else setText(linkProblem, `${error.message} Reload the page to open the task of this link.`);
      }
    }
  };

  searchForm.addEventListener('submit', (event) => {
    event.preventDefault();
    search('typed');
  });
  for (const choice of [done, priority, overdue]) choice.addEventListener('change', () => search());
  for (const input of [words, tags]) {
    const typed = () => {
      clearTimeout(typing);
      typing = setTimeout(() => search('typing'), TYPING_MS);
    };
    input.addEventListener('input', (event) => {
      // Of a word that an input method still puts together, the end is told.
      if (!(event instanceof InputEvent && event.isComposing)) typed();
    });
    input.addEventListener('compositionend', typed);
  }
  clear.addEventListener('click', () => {
    showNewest();
    words.focus();
  });
  news.addEventListener('click', async () => {
    await load(true, requested);
    // The button is gone, and the focus must be somewhere.
    list.querySelector('input')?.focus({ preventScroll: true });
  });
  more.addEventListener('click', () => void load(false, conditions));

  const isCreating = setUpCreation((task) => {
    if (conditions === undefined) {
      // The list may have been read after it was made.
      itemOf(task.id)?.remove();
      list.prepend(draw(task));
      live.seen(task.id);
      showEmpty();
    }
    // A list that is on its way may have been read before it was made, and would replace it.
    if (conditions !== undefined || isListOnItsWay) showNewest();
    changed('Created', task);
    announce('Created.');
  });
  onbeforeunload = (event) => {
    if (editor.isChanged() || isCreating()) event.preventDefault();
  };
  onAddress(() => void showAddress());
  void showAddress();

  return {
    live,
    /** Asks again for what could not be read a while ago. @param {boolean} isSearchUp */
    askAgain: (isSearchUp) => {
      if (againAt === undefined || performance.now() < againAt) return;
      if (isSearchUp || requested === undefined) void load(true, requested);
    },
    /** What a thing is called, for a change that was not made here; nothing for one that is gone. @param {string} id */
    describe: async (id) => {
      const shown = itemOf(id)?.querySelector('.task-text')?.textContent;
      return shown ?? (await api.read(id).catch(() => undefined))?.description;
    },
    /** How far the last change of a row has come. @param {string} id @param {string} text */
    showWay: (id, text) => {
      const item = itemOf(id);
      if (item === undefined) return;
      ways.set(id, text);
      const way = item.querySelector('.way');
      if (way !== null) setText(way, text);
    },
  };
};

/** What may be changed of a task, as the editor has it. @param {Task} task @returns {import('./api.js').TaskFields} */
const fieldsOf = (task) =>
  Object.fromEntries(Object.entries(task).filter(([name]) => fieldNamesOf(need('#editor', HTMLElement)).has(name)));

/** @param {Task} task @param {string} way how far its last change has come */
const metaOf = (task, way) => {
  const { priority, dates, version, isDone } = task;
  // eslint-disable-next-line no-restricted-syntax -- a date is compared with the person's clock
  const isOverdue = dates.due !== null && !isDone && Date.parse(dates.due) < Date.now();
  return make(
    'p',
    { class: 'task-meta' },
    ...(priority === 'none'
      ? []
      : [make('span', { class: 'badge', 'data-priority': priority, text: `${priority} priority` })]),
    ...(isOverdue ? [make('span', { class: 'badge', 'data-overdue': 'true', text: 'overdue' })] : []),
    ...(dates.start === null ? [] : [make('span', { text: `from ${formatDate(dates.start)}` })]),
    ...(dates.due === null ? [] : [make('span', { text: `due ${formatDate(dates.due)}` })]),
    ...wordsIn(need('#editor', HTMLElement), task).map((text) => make('span', { class: 'badge', dir: 'auto', text })),
    make('span', { class: 'version', text: `version ${version}` }),
    make('span', { class: 'way', text: way }),
  );
};
