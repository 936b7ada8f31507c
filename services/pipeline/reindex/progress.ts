/** How a run tells what it does, to a person or to nobody. */

export interface Progress {
  /** A new step begins; with `total` its length is known. */
  step(name: string, total?: number): void;
  /** So many more things were done in this step. */
  advance(count: number): void;
  /** Something worth a line. */
  note(line: string): void;
}
