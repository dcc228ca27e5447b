/** A half-open range of indices, and its length. */

/** From `start` (included) to `end` (excluded). */
export interface Range {
  start: number;
  end: number;
}

export function lengthOf({ start, end }: Range): number {
  return end - start;
}
