/**
 * Finds the rows below the relay's mark: those that others left in slots that were gained, and those that nobody should have written
 * there.
 *
 * Numbers whose rows vacuum has removed cost nothing, however many. Dead rows that it could not remove, as while somebody holds an
 * old snapshot, are passed one by one, and nothing says beforehand where they are. So a look has little time: the next one reaches
 * less far when that was not enough, and further when it was.
 */
import type { Client } from 'pg';
import { codeOf } from '../../platform/errors.ts';
import { CANCELED } from './session.ts';

/** All rows of this relay wait for a look. */
const PATIENCE_MS = 100;

export class RowsBelow {
  readonly #client: Client;
  readonly #patienceMs: number;
  /** How many numbers a look takes. */
  #reach = Infinity;

  constructor(client: Client, patienceMs = PATIENCE_MS) {
    this.#client = client;
    this.#patienceMs = patienceMs;
  }

  /**
   * Where to read on: no row of any slot stands between `after` and this number.
   * @returns a number behind `upTo` when there is no row up to that
   */
  async next(after: number, upTo: number): Promise<number> {
    const to = Math.min(upTo, after + this.#reach);
    await this.#client.query(`SET statement_timeout = ${this.#patienceMs}`);
    try {
      const { rows } = await this.#client.query<{ first: string }>({
        name: 'relay-first',
        text: 'SELECT id::text AS first FROM outbox WHERE id > $1::bigint AND id <= $2::bigint ORDER BY id LIMIT 1',
        values: [after, to],
      });
      const [row] = rows;
      if (row !== undefined) return Number(row.first);
      this.#reach *= 2;
      return to + 1;
    } catch (error) {
      if (codeOf(error) !== CANCELED) throw error;
      this.#reach = Math.max(1, Math.ceil((to - after) / 8));
      return after + 1;
    } finally {
      // As the connection began. The time counts for this statement too, and a server may stand still just then.
      const reset = () => this.#client.query('RESET statement_timeout');
      await reset().catch(reset);
    }
  }
}
