/** A half-open range of indices, and its length. Knows not what is counted. */

/** From `start` up to, but without, `end`. */
export interface Range {
  start: number;
  end: number;
}

export function lengthOf({ start, end }: Range): number {
  return end - start;
}
