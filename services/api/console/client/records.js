/** The dialogs about records: what one says, and the dead letters. Texts are set as texts, never as HTML. */
import { ApiProblem, consoleApi } from './api.js';
import { announce, make, need, setText } from './dom.js';
import { formatCount, formatTime } from './format.js';

/**
 * @typedef {import('../record-content.ts').RecordContent} RecordContent
 * @typedef {import('../dead-letters.ts').ShownDeadLetter} DeadLetter
 */

/** @param {unknown} error */
const wordsOf = (error) => {
  if (!(error instanceof ApiProblem)) throw error;
  return error.message;
};

/** @param {RecordContent} content */
const drawContent = ({ topic, partition, offset, at, key, headers, value, valueBytes, isCut }) => [
  make(
    'dl',
    { class: 'facts' },
    ...[
      ['Topic', topic],
      ['Place', `partition ${partition}, offset ${offset}`],
      ['Written', at === null ? 'unknown' : formatTime(at)],
      ['Key', key ?? 'none'],
      ...headers.map((header) => [header.name, header.value]),
    ].map(([name = '', text = '']) => make('div', {}, make('dt', { text: name }), make('dd', { text }))),
  ),
  make('h3', {
    text:
      value === null
        ? 'No value: a tombstone'
        : `Value, ${formatCount(valueBytes)} ${valueBytes === 1 ? 'byte' : 'bytes'}`,
  }),
  ...(value === null
    ? []
    : // What scrolls must be reached by the keyboard.
      [make('pre', { class: 'content', tabindex: '0', role: 'region', 'aria-label': 'Value', text: value })]),
  ...(isCut ? [make('p', { class: 'hint', text: 'It is longer than this: the rest is not shown.' })] : []),
];

/** @param {string} path @param {HTMLElement} place */
const showContent = async (path, place) => {
  place.replaceChildren(make('p', { class: 'hint', text: 'Reading the record …' }));
  try {
    place.replaceChildren(...drawContent(await consoleApi.read(path)));
  } catch (error) {
    place.replaceChildren(make('p', { class: 'problem', role: 'alert', text: wordsOf(error) }));
  }
};

/** Opens the record at a place of the topic. @param {number} partition @param {number} offset */
export const openRecord = (partition, offset) => {
  const dialog = need('#record', HTMLDialogElement);
  dialog.showModal();
  void showContent(`/console/records/${partition}/${offset}`, need('#record-content', HTMLElement));
};

/** The list of dead letters, behind their number. */
export const setUpDeadLetters = () => {
  const dialog = need('#dead-letters', HTMLDialogElement);
  const list = need('#dead-letter-list', HTMLElement);
  const note = need('#dead-letter-note', HTMLElement);

  const load = async () => {
    setText(note, 'Reading the dead letters …');
    try {
      const { letters, open, isWhole } = await consoleApi.read('/console/dead-letters');
      list.replaceChildren(...letters.map(draw));
      const shown = letters.length < open ? `, the newest ${formatCount(letters.length)} of them here` : '';
      const rest = isWhole ? '' : ' There are more, further back: ops dlq list shows all.';
      setText(note, open === 0 ? `None is open.${rest}` : `${formatCount(open)} open${shown}.${rest}`);
    } catch (error) {
      list.replaceChildren();
      setText(note, wordsOf(error));
    }
  };

  /** @param {DeadLetter} letter */
  const draw = (letter) => {
    const { partition, offset, at, reason, error, attempts, task, source, last } = letter;
    const name = `${partition}:${offset}`;
    const path = `/console/dead-letters/${partition}/${offset}`;
    const content = make('div', { class: 'letter-content' });
    const show = make('button', { type: 'button', 'aria-label': `Content: ${name}`, text: 'Content' });
    const replay = make('button', { type: 'button', 'aria-label': `Replay: ${name}`, text: 'Replay' });
    const discard = make('button', { type: 'button', 'aria-label': `Discard: ${name}`, text: 'Discard' });
    const problem = make('p', { class: 'problem', role: 'alert' });
    const from =
      source.topic === null
        ? 'nowhere known'
        : `${source.topic}, partition ${source.partition}, offset ${source.offset}`;
    show.addEventListener('click', () => {
      if (content.childElementCount > 0) content.replaceChildren();
      else void showContent(path, content);
    });

    /** @param {'replay' | 'discard'} how @param {string} question @param {string} text */
    const settle = async (how, question, text) => {
      if (!(await confirmed(question, text, how === 'replay' ? 'Replay' : 'Discard'))) return;
      try {
        const { state, result } = await consoleApi.write(`${path}/${how}`);
        if (state === 'failed') {
          setText(problem, `It could not be replayed: ${result}.`);
          return;
        }
        announce(`Dead letter ${name}: ${state}.`);
        await load();
        setText(note, `${name} is ${state}${result === null ? '' : `: ${result}`}. ${note.textContent}`);
        need('#dead-letters-close', HTMLButtonElement).focus();
      } catch (failure) {
        setText(problem, wordsOf(failure));
      }
    };
    replay.addEventListener('click', () => {
      const text = 'Its event goes back to its topic and the normal way. If it is still wrong, it returns here.';
      void settle('replay', `Replay dead letter ${name}?`, text);
    });
    discard.addEventListener('click', () => {
      const text = 'It is marked as dealt with. Its record stays in the topic until its retention is over.';
      void settle('discard', `Discard dead letter ${name}?`, text);
    });
    return make(
      'li',
      { class: 'letter' },
      make('h3', {}, reason, make('span', { class: 'letter-when', text: at === null ? '' : formatTime(at) })),
      make('p', { class: 'letter-error', text: error }),
      make('p', {
        class: 'hint',
        text: `${name} · ${task === null ? 'no key' : `key ${task}`} · from ${from}${!attempts ? '' : ` · tried ${attempts} ${attempts === 1 ? 'time' : 'times'}`}`,
      }),
      ...(last === null
        ? []
        : [make('p', { class: 'hint', text: `Last ${last.action}: ${last.state}. ${last.result ?? ''}` })]),
      make('div', { class: 'actions' }, show, replay, discard),
      problem,
      content,
    );
  };

  need('#dead-letters-again', HTMLButtonElement).addEventListener('click', () => void load());
  need('#open-dead-letters', HTMLButtonElement).addEventListener('click', () => {
    dialog.showModal();
    void load();
  });
};

/** @param {string} question @param {string} text @param {string} verb @returns {Promise<boolean>} */
const confirmed = (question, text, verb) => {
  const dialog = need('#sure', HTMLDialogElement);
  setText(need('#sure-title', HTMLElement), question);
  setText(need('#sure-text', HTMLElement), text);
  setText(need('#sure-yes', HTMLElement), verb);
  dialog.returnValue = 'no';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
  });
};
