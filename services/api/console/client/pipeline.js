/** Draws what the server found in the pipeline. */
import { createChart, SPAN_MS } from './chart.js';
import { announce, make, need, setText } from './dom.js';
import { formatAxis, formatCount, formatMs, formatRate, NONE } from './format.js';

/**
 * @typedef {import('../sample.ts').Sample} Sample
 * @typedef {'up' | 'down' | 'busy' | 'waiting'} State
 */

/** The boxes in the order a change passes them. */
const NODES = ['http', 'postgres', 'kafka', 'indexer', 'elasticsearch', 'search'];
/** Where a change is once a stage of its way was told. @type {Record<string, string>} */
const NODE_OF_STAGE = {
  acknowledged: 'postgres',
  published: 'postgres',
  'in-kafka': 'kafka',
  indexed: 'elasticsearch',
  searchable: 'search',
};
/** A change passes several boxes within milliseconds; a person sees it only when it stays a moment in each. */
const STAY_MS = 260;
const GLOW_MS = 1_000;
/** An outbox this old, in seconds, is not just work under way. */
const OLD_OUTBOX_SECONDS = 5;

export const createPipeline = () => {
  const bars = need('#bars', HTMLElement);
  const svg = need('#latency', SVGSVGElement);
  const draw = createChart(svg, formatAxis);
  /** @type {Map<string, State>} */
  const states = new Map();
  /** Changes that were measured, as the sample of before counts them. @type {number | undefined} */
  let measured;
  /** When a chart had something to show last, by the samples' clock. */
  let busyAt = Number.NEGATIVE_INFINITY;

  /** @param {string} name @param {string} text */
  const show = (name, text) => {
    setText(need(`[data-value="${name}"]`, HTMLElement), text);
  };

  /** @param {string} node @param {State} state @param {string} word */
  const showState = (node, state, word) => {
    const box = need(`[data-node="${node}"]`, HTMLElement);
    const line = need('.state', HTMLElement, box);
    box.dataset.state = state;
    line.dataset.state = state;
    setText(line, word);
    const before = states.get(node);
    states.set(node, state);
    const name = need('h3', HTMLElement, box).textContent ?? node;
    if (state === 'down' && before !== 'down') announce(`${name} ${word}.`);
    if (state !== 'down' && before === 'down') announce(`${name} answers again.`);
  };

  /** @param {Sample} sample */
  const showServers = ({ outbox, kafka, index, latency, requestRate, failureRate, topicRate, indexedRate }) => {
    const lag = kafka.up ? kafka.partitions.reduce((sum, one) => sum + (one.lag ?? 0), 0) : null;
    const away = kafka.up ? kafka.partitions.filter((one) => one.lag === null).length : 0;
    showState('http', 'up', 'answers');
    show('requestRate', formatRate(requestRate));
    show('failureRate', formatRate(failureRate));
    if (outbox.up) {
      const old = outbox.oldestAgeSeconds > OLD_OUTBOX_SECONDS;
      showState('postgres', old ? 'busy' : 'up', old ? 'outbox waits' : 'answers');
    } else showState('postgres', 'down', outbox.reason);
    show('outboxDepth', outbox.up ? formatCount(outbox.depth) : NONE);
    show('outboxAge', outbox.up ? formatMs(outbox.oldestAgeSeconds * 1_000) : NONE);
    if (kafka.up) {
      const letters = kafka.deadLetters > 0;
      if (away > 0) showState('kafka', 'busy', `${away} partitions away`);
      else showState('kafka', letters ? 'busy' : 'up', letters ? 'has dead letters' : 'answers');
      // Without work the indexer may be scaled to nothing.
      if (kafka.members === null) showState('indexer', 'waiting', 'unknown');
      else if (kafka.members === 0)
        showState('indexer', lag === 0 && away === 0 ? 'waiting' : 'down', 'no replica runs');
      else showState('indexer', 'up', 'reads');
    } else {
      showState('kafka', 'down', kafka.reason);
      showState('indexer', 'waiting', 'unknown');
    }
    show('topicRate', formatRate(topicRate));
    show('deadLetters', kafka.up ? formatCount(kafka.deadLetters) : NONE);
    show('indexedRate', formatRate(indexedRate));
    show('members', kafka.up && kafka.members !== null ? formatCount(kafka.members) : NONE);
    if (index.up) showState('elasticsearch', 'up', 'answers');
    else showState('elasticsearch', 'down', index.reason);
    show('documents', index.up ? formatCount(index.documents) : NONE);
    show('lag', lag === null ? NONE : `${away > 0 ? '≥ ' : ''}${formatCount(lag)}`);
    const slow = latency.pendingMs !== null && latency.pendingMs > 5_000;
    if (!index.up) showState('search', 'down', 'not available');
    else showState('search', slow ? 'busy' : 'up', slow ? 'runs behind' : 'answers');
    show('latency', formatMs(latency.lastMs));
    show('pending', formatMs(latency.pendingMs));
  };

  /** @param {Sample['kafka']} kafka */
  const showLag = (kafka) => {
    if (!kafka.up) {
      show('lagNote', 'Kafka does not answer');
      for (const bar of bars.children) if (bar instanceof HTMLElement) bar.dataset.state = 'unknown';
      return;
    }
    const { partitions } = kafka;
    if (bars.children.length !== partitions.length) {
      bars.replaceChildren(
        ...partitions.map(({ partition }) =>
          make(
            'li',
            {},
            make('span', { class: 'bar-value' }),
            make('span', { class: 'bar', 'aria-hidden': 'true' }, make('span', { class: 'bar-fill' })),
            make('span', { class: 'hidden', text: ' in partition ' }),
            make('span', { class: 'bar-name', text: String(partition) }),
          ),
        ),
      );
    }
    const most = Math.max(10, ...partitions.map(({ lag }) => lag ?? 0));
    partitions.forEach(({ lag }, position) => {
      const bar = bars.children[position];
      if (!(bar instanceof HTMLElement)) return;
      bar.dataset.state = lag === null ? 'unknown' : lag > 0 ? 'some' : 'none';
      bar.style.setProperty('--share', String((lag ?? 0) / most));
      setText(
        need('.bar-value', HTMLElement, bar),
        lag === null ? NONE : lag < 10_000 ? String(lag) : `${Math.round(lag / 1_000)}k`,
      );
    });
    const total = partitions.reduce((sum, { lag }) => sum + (lag ?? 0), 0);
    const behind = partitions.filter(({ lag }) => lag !== null && lag > 0).length;
    const away = partitions.filter(({ lag }) => lag === null).length;
    const waits =
      total === 0
        ? `Nothing waits in ${partitions.length - away} partitions`
        : `${formatCount(total)} ${total === 1 ? 'event waits' : 'events wait'} in ${behind} of ${partitions.length} partitions`;
    show('lagNote', away === 0 ? waits : `${waits}; ${away} cannot be asked, as their brokers are away`);
  };

  /** @param {Sample} sample @param {boolean} isMeasured whether one was measured since the sample of before */
  const showLatency = ({ at, latency: { lastMs, pendingMs } }, isMeasured) => {
    // Some changes take a little longer than the last one; that is no delay yet.
    const waiting = pendingMs !== null && pendingMs > Math.max(2_000, 2 * (lastMs ?? 0));
    const value = waiting ? pendingMs : lastMs;
    draw({ at, value, waiting, measured: isMeasured });
    const text =
      value === null
        ? 'No change measured yet'
        : waiting
          ? `The newest change has waited ${formatMs(pendingMs)}`
          : `The last change was found after ${formatMs(lastMs)}`;
    show('latencyNote', text);
    svg.setAttribute('aria-label', `Latency over the last two minutes. ${text}.`);
  };

  return {
    /** @param {Sample} sample */
    show: (sample) => {
      const { at, kafka, latency } = sample;
      const isMeasured = measured !== undefined && latency.measured > measured;
      measured = latency.measured;
      showServers(sample);
      showLag(kafka);
      showLatency(sample, isMeasured);
      const waits = !kafka.up || kafka.partitions.some(({ lag }) => lag !== 0) || latency.pendingMs !== null;
      if (waits || isMeasured) busyAt = at;
      need('#panels', HTMLElement).dataset.quiet = String(at - busyAt > SPAN_MS);
    },
    /** The stream is cut: what stands on the page is old. @param {boolean} stale */
    setStale: (stale) => {
      need('#nodes', HTMLElement).dataset.stale = String(stale);
      if (stale) showState('http', 'down', 'does not answer');
    },
    passTo: createTraveller(),
  };
};

/** Lets a change light up the boxes on its way, one after the other. */
const createTraveller = () => {
  /** @type {string[]} */
  const ahead = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const step = () => {
    const name = ahead.shift();
    if (name === undefined) {
      timer = undefined;
      return;
    }
    const box = need(`[data-node="${name}"]`, HTMLElement);
    box.classList.add('passing');
    setTimeout(() => {
      box.classList.remove('passing');
    }, GLOW_MS);
    timer = setTimeout(step, STAY_MS);
  };
  /** @param {string} stage @param {string | undefined} before the stage that was told before it */
  return (stage, before) => {
    // Boxes that glow for changes of long ago say nothing.
    if (ahead.length > 2 * NODES.length) return;
    const from = before === undefined ? 0 : NODES.indexOf(NODE_OF_STAGE[before] ?? '') + 1;
    ahead.push(...NODES.slice(from, NODES.indexOf(NODE_OF_STAGE[stage] ?? '') + 1));
    if (timer === undefined) step();
  };
};
