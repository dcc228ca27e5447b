/** What reads blocks of numbers as float32. */

/**
 * Reads `count` whole blocks from `bytes` as float32 into `out`, from `start`. `half` has the float32 of each of the 65,536
 * fp16 values.
 */
export type ReadBlocks = (
  bytes: Uint8Array,
  count: number,
  half: Float32Array,
  out: Float32Array,
  start: number,
) => void;
