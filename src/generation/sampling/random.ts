/** Generates repeatable random numbers from a seed. Not for secrets. */
import { randomInt } from "node:crypto";

const WARM_UP_ROUNDS = 12;

/**
 * Creates a generator of numbers uniform in [0, 1) with 53 bits. The algorithm is sfc32 by Chris Doty-Humphrey (PractRand,
 * https://pracrand.sourceforge.net), seeded with the 64 low bits of `seed`, an integer.
 */
export function createRandom(seed: number): () => number {
  let a = 0;
  let b = seed | 0;
  let c = Math.floor(seed / 2 ** 32) | 0;
  let counter = 1;
  const next = (): number => {
    const result = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + result) | 0;
    return result;
  };
  for (let i = 0; i < WARM_UP_ROUNDS; i++) next();
  return () => {
    const high = next() >>> 5;
    const low = next() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  };
}

/** A random 32-bit seed, short enough to be typed again. */
export function randomSeed(): number {
  return randomInt(2 ** 32);
}
