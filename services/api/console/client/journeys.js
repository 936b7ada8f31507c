/** The way of each change that was made here, stage by stage, as the server sees it. */
import { announce, make, need, setText } from './dom.js';
import { formatMs, shorten } from './format.js';
import { openStream } from './stream.js';

/**
 * @typedef {import('../journey.ts').Stage} Stage
 * @typedef {{ id: string, version: number, deleted: boolean, description: string, verb: string }} Change
 */

/** @type {readonly (readonly [name: Stage['stage'], label: string, place: string])[]} */
const STAGES = [
  ['acknowledged', 'Acknowledged', 'PostgreSQL has it'],
  ['published', 'Published', 'by the relay'],
  ['in-kafka', 'In Kafka', 'confirmed'],
  ['indexed', 'Indexed', 'Elasticsearch has it'],
  ['searchable', 'Searchable', 'search finds it'],
];
/** Older ones leave the page. */
const MOST = 6;
/** Followed at a time: a browser opens six connections to a server, and the page needs some for other things. */
const AT_ONCE = 2;

/** @param {(stage: string, before: string | undefined) => void} onStage */
export const createJourneys = (onStage) => {
  const list = need('#journeys', HTMLElement);
  const empty = need('#journeys-empty', HTMLElement);
  /** @type {(() => void)[]} */
  const queue = [];
  let following = 0;

  const next = () => {
    if (following >= AT_ONCE) return;
    const start = queue.shift();
    if (start === undefined) return;
    following += 1;
    start();
  };

  return {
    /** @param {Change} change */
    follow: (change) => {
      empty.hidden = true;
      const item = draw(change);
      list.prepend(item);
      while (list.children.length > MOST) list.lastElementChild?.remove();
      queue.push(() => {
        setText(need('.journey-result', HTMLElement, item), 'under way');
        follow(change, item, onStage, () => {
          following -= 1;
          next();
        });
      });
      next();
    },
  };
};

/** @param {Change} change */
const draw = ({ verb, description, version, deleted }) =>
  make(
    'li',
    { class: 'journey', 'data-state': 'under-way' },
    make(
      'div',
      { class: 'journey-head' },
      make('h3', {}, `${verb} “${shorten(description, 60)}”`),
      make('p', { class: 'journey-result', text: 'waits for its turn' }),
    ),
    make(
      'ol',
      { class: 'stages', 'aria-label': `Stages of version ${version}` },
      ...STAGES.map(([name, label, place]) =>
        make(
          'li',
          { class: 'stage', 'data-stage': name, 'data-state': 'open' },
          make('span', { class: 'stage-name', text: deleted && name === 'searchable' ? 'Gone from search' : label }),
          make('span', { class: 'stage-place', text: deleted ? placeOfDeletion(name, place) : place }),
          make('span', { class: 'stage-time', text: '…' }),
        ),
      ),
    ),
  );

/** @param {string} name @param {string} place */
const placeOfDeletion = (name, place) =>
  name === 'indexed' ? 'deleted there' : name === 'searchable' ? 'search finds it no more' : place;

/**
 * @param {Change} change
 * @param {HTMLElement} item
 * @param {(stage: string, before: string | undefined) => void} onStage
 * @param {() => void} onEnd
 */
const follow = ({ id, version, deleted, description, verb }, item, onStage, onEnd) => {
  /** @type {string[]} */
  const told = [];
  const end = openStream(`/console/journeys/${id}?version=${version}&deleted=${deleted}`, {
    stage: (/** @type {Stage} */ stage) => {
      // After a cut the stream begins anew.
      if (told.includes(stage.stage)) return;
      onStage(stage.stage, told.at(-1));
      told.push(stage.stage);
      const line = need(`[data-stage="${stage.stage}"]`, HTMLElement, item);
      line.dataset.state = 'done';
      setText(
        need('.stage-time', HTMLElement, line),
        stage.stage === 'acknowledged' ? 'start' : `+${formatMs(stage.ms)}`,
      );
      if (stage.stage === 'in-kafka' && stage.partition !== undefined) {
        setText(need('.stage-place', HTMLElement, line), `partition ${stage.partition}, offset ${stage.offset}`);
      }
      if (stage.stage !== 'searchable') return;
      end();
      item.dataset.state = 'done';
      setText(need('.journey-result', HTMLElement, item), formatMs(stage.ms));
      announce(
        `${verb} “${shorten(description, 60)}”: ${deleted ? 'gone from' : 'found by'} search after ${formatMs(stage.ms)}.`,
      );
      onEnd();
    },
  });
};
