/** The console: wires its parts. */
import { need, setText } from './dom.js';
import { createJourneys } from './journeys.js';
import { createPipeline } from './pipeline.js';
import { createSession } from './session.js';
import { setUpDeadLetters } from './records.js';
import { openStream } from './stream.js';
import { createTasks } from './tasks.js';

createSession();
const connection = need('#connection', HTMLElement);
const pipeline = createPipeline();
const journeys = createJourneys(pipeline.passTo, (id, text) => {
  tasks.showWay(id, text);
});
const tasks = createTasks(journeys.follow);

/** A sample comes each second. One that takes longer than a look may take says that nothing comes: a frozen server cuts no connection. */
const SILENCE_MS = 8_000;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let silence;

/** @param {string} word */
const showDown = (word) => {
  connection.dataset.state = 'down';
  setText(connection, word);
  pipeline.setStale(true);
};

openStream(
  '/console/events',
  {
    sample: (sample) => {
      clearTimeout(silence);
      silence = setTimeout(() => showDown('No answer'), SILENCE_MS);
      tasks.askAgain(sample.index.up);
      connection.dataset.state = 'up';
      setText(connection, 'Live');
      pipeline.setStale(false);
      pipeline.show(sample);
    },
    following: () => {
      document.documentElement.dataset.feed = 'following';
      tasks.live.following();
    },
    news: (news) => {
      tasks.live.tell(news);
      for (const change of news.changes) journeys.followOther(change, tasks.describe);
    },
  },
  (connected) => {
    if (connected) return;
    delete document.documentElement.dataset.feed;
    clearTimeout(silence);
    showDown('Reconnecting');
  },
);

setUpDeadLetters();

// Where there is little room, tasks come before statistics: for the eye by the style sheet, and for the keyboard here.
const narrow = matchMedia('(max-width: 640px)');
const order = () => {
  const columns = need('#columns', HTMLElement);
  const statistics = need('#pipeline', HTMLElement);
  const panels = need('#panels', HTMLElement);
  if (narrow.matches) {
    columns.after(statistics);
    statistics.append(panels);
  } else {
    columns.before(statistics);
    need('.side', HTMLElement).prepend(panels);
  }
};
narrow.addEventListener('change', order);
order();
