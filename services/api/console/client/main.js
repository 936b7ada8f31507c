/** The console: wires its parts. */
import { need, setText } from './dom.js';
import { createJourneys } from './journeys.js';
import { createPipeline } from './pipeline.js';
import { createSession } from './session.js';
import { openStream } from './stream.js';
import { createTasks } from './tasks.js';

createSession();
const connection = need('#connection', HTMLElement);
const pipeline = createPipeline();
const journeys = createJourneys(pipeline.passTo);

openStream(
  '/console/events',
  {
    sample: (sample) => {
      connection.dataset.state = 'up';
      setText(connection, 'Live');
      pipeline.setStale(false);
      pipeline.show(sample);
    },
  },
  (connected) => {
    if (connected) return;
    connection.dataset.state = 'down';
    setText(connection, 'Reconnecting');
    pipeline.setStale(true);
  },
);
createTasks(journeys.follow);
