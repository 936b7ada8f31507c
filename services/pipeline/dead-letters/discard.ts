/** Marks letters as dealt with; they stay in their topic until its retention is over. */
import type { Client } from 'pg';
import { record } from './actions.ts';
import type { Letter } from './letter.ts';

export const discardLetters = async (
  client: Client,
  letters: readonly Letter[],
  { deadLetterTopic, actor, note }: { deadLetterTopic: string; actor: string; note: string | null },
): Promise<void> => {
  await record(client, letters, {
    topic: deadLetterTopic,
    action: 'discard',
    state: 'discarded',
    actor,
    result: note,
  });
};
