/** The way of changes, stage by stage, as the server sees it: of each that was made here, and of others' while there is room. */
import { announce, make, need, setText } from './dom.js';
import { formatMs, shorten } from './format.js';
import { openRecord } from './records.js';
import { openStream } from './stream.js';

/**
 * @typedef {import('../journey.ts').Stage} Stage
 * @typedef {{ id: string, version: number, deleted: boolean, description: string, verb: string, isOther?: boolean }} Change
 *   `isOther`: somebody else made it
 */

/** @type {readonly (readonly [name: Stage['stage'], label: string, place: string])[]} */
const STAGES = [
  ['acknowledged', 'Acknowledged', 'PostgreSQL has it'],
  ['published', 'Published', 'by the relay'],
  ['in-kafka', 'In Kafka', 'confirmed'],
  ['indexed', 'Indexed', 'Elasticsearch has it'],
  ['searchable', 'Searchable', 'search finds it'],
];
/** Places of changes; older ones leave the page. */
const MOST = 4;
/** Followed at a time: a browser opens six connections to a server, and the page needs some for other things. */
const AT_ONCE = 2;
/** @type {Record<import('../feed.ts').FeedChange['kind'], string>} */
const VERBS = { created: 'Created', changed: 'Changed', deleted: 'Deleted' };

/** @param {{ id: string, version: number }} change */
const keyOf = ({ id, version }) => `${id}:${version}`;

/**
 * @param {(stage: string, before: string | undefined) => void} onStage
 * @param {(id: string, text: string) => void} onWay told how far a thing's last change has come, in words
 */
export const createJourneys = (onStage, onWay) => {
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

  /** @param {Change} change @param {HTMLElement} item */
  const start = (change, item) => {
    setText(need('.journey-result', HTMLElement, item), 'under way');
    follow(change, item, { onStage, onWay, goesOn: () => change.isOther !== true && queue.length === 0 }, () => {
      following -= 1;
      next();
    });
  };

  /** @param {{ id: string, version: number }} change */
  const itemOf = (change) => {
    const found = list.querySelector(`[data-key="${CSS.escape(keyOf(change))}"]`);
    return found instanceof HTMLElement ? found : undefined;
  };

  return {
    /** One that was made here: each is followed, in its turn. @param {Change} change */
    follow: (change) => {
      empty.hidden = true;
      const shown = itemOf(change);
      if (shown !== undefined) {
        // The feed was faster than the answer.
        setText(need('h3', HTMLElement, shown), headingOf(change));
        return;
      }
      const item = draw(change);
      list.prepend(item);
      while (list.children.length > MOST) list.lastElementChild?.remove();
      queue.push(() => {
        start(change, item);
      });
      next();
    },
    /**
     * One that somebody else made, while there is a place for it. It moves nothing: it takes a place at the end, or that
     * of the oldest change that has arrived.
     * @param {import('../feed.ts').FeedChange} change
     * @param {(id: string) => Promise<string | undefined>} describe
     */
    followOther: async ({ kind, id, version }, describe) => {
      // The connections of a browser are shared by all its tabs: one that nobody sees takes none, and each leaves room for its own.
      if (following > 0 || queue.length > 0 || document.visibilityState !== 'visible') return;
      if (itemOf({ id, version }) !== undefined) return;
      following += 1;
      const description = (await describe(id)) ?? id;
      const change = { id, version, description, verb: VERBS[kind], deleted: kind === 'deleted', isOther: true };
      const done = [...list.querySelectorAll('[data-state="done"]')].filter((item) => item instanceof HTMLElement);
      const oldest = done.sort((a, b) => Number(a.dataset.at) - Number(b.dataset.at))[0];
      if (itemOf(change) !== undefined || (list.children.length >= MOST && oldest === undefined)) {
        following -= 1;
        next();
        return;
      }
      empty.hidden = true;
      const item = draw(change);
      if (list.children.length < MOST) list.append(item);
      else oldest?.replaceWith(item);
      start(change, item);
    },
  };
};

/** @param {Change} change */
const headingOf = ({ verb, description }) => `${verb} “${shorten(description, 60)}”`;

/** @param {Change} change */
const draw = (change) => {
  const { version, deleted, isOther = false } = change;
  return make(
    'li',
    { class: 'journey', 'data-state': 'under-way', 'data-key': keyOf(change), 'data-at': String(performance.now()) },
    make(
      'div',
      { class: 'journey-head' },
      make('h3', {}, headingOf(change)),
      ...(isOther ? [make('p', { class: 'journey-by', text: 'elsewhere' })] : []),
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
};

/** @param {string} name @param {string} place */
const placeOfDeletion = (name, place) =>
  name === 'indexed' ? 'deleted there' : name === 'searchable' ? 'search finds it no more' : place;

/**
 * @param {Change} change
 * @param {HTMLElement} item
 * @param {{
 *   onStage: (stage: string, before: string | undefined) => void,
 *   onWay: (id: string, text: string) => void,
 *   goesOn: () => boolean,
 * }} listeners `goesOn`: whether one that takes long is followed on, as nobody waits for the place
 * @param {() => void} onEnd
 */
const follow = (
  { id, version, deleted, description, verb, isOther = false },
  item,
  { onStage, onWay, goesOn },
  onEnd,
) => {
  const bar = need('#way-bar', HTMLElement);
  /** @param {Stage} stage */
  const showFar = ({ stage, ms }) => {
    const label = STAGES.find(([name]) => name === stage)?.[1] ?? stage;
    const far = stage === 'acknowledged' ? 'acknowledged' : `${label.toLowerCase()} after ${formatMs(ms)}`;
    onWay(id, far);
    bar.hidden = false;
    setText(need('.way-what', HTMLElement, bar), headingOf({ id, version, deleted, description, verb }));
    setText(need('.way-far', HTMLElement, bar), deleted && stage === 'searchable' ? `gone after ${formatMs(ms)}` : far);
    bar.style.setProperty('--way', String((STAGES.findIndex(([name]) => name === stage) + 1) / STAGES.length));
  };
  /** @type {string[]} */
  const told = [];
  const end = openStream(`/console/journeys/${id}?version=${version}&deleted=${deleted}`, {
    stage: (/** @type {Stage} */ stage) => {
      // After a cut the stream begins anew.
      if (told.includes(stage.stage)) return;
      onStage(stage.stage, told.at(-1));
      told.push(stage.stage);
      showFar(stage);
      const line = need(`[data-stage="${stage.stage}"]`, HTMLElement, item);
      line.dataset.state = 'done';
      setText(
        need('.stage-time', HTMLElement, line),
        stage.stage === 'acknowledged' ? 'start' : `+${formatMs(stage.ms)}`,
      );
      if (stage.stage === 'in-kafka' && stage.partition !== undefined) {
        const { partition, offset } = stage;
        const place = make('button', { type: 'button', text: `partition ${partition}, offset ${offset}` });
        place.addEventListener('click', () => {
          openRecord(partition, offset ?? 0);
        });
        need('.stage-place', HTMLElement, line).replaceChildren(place);
      }
      if (stage.stage !== 'searchable') return;
      end();
      item.dataset.state = 'done';
      setText(need('.journey-result', HTMLElement, item), formatMs(stage.ms));
      if (!isOther)
        announce(
          `${verb} “${shorten(description, 60)}”: ${deleted ? 'gone from' : 'found by'} search after ${formatMs(stage.ms)}.`,
        );
      onEnd();
    },
    // It takes long, or never comes: it was deleted meanwhile, or can never be indexed.
    paused: () => {
      if (goesOn() || told.includes('searchable')) return;
      end();
      item.dataset.state = 'done';
      setText(need('.journey-result', HTMLElement, item), 'not followed any more');
      onEnd();
    },
  });
};
