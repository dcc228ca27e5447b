/** Mutates bytes without knowing their format. */
import type { Dice } from "./dice.js";

/** Makes one change: flips a bit, or replaces a number, or removes, repeats, inserts or fills a range. Does not change the input. */
export function mutateBytes(dice: Dice, input: Uint8Array): Buffer {
  const bytes = Buffer.from(input);
  if (bytes.length === 0) return dice.bytes(1 + dice.below(64));
  const at = dice.below(bytes.length);
  const length = Math.min(bytes.length - at, 1 + dice.below(dice.pick([4, 16, 256, 4096])));
  switch (dice.below(8)) {
    case 0:
      bytes[at]! ^= 1 << dice.below(8);
      return bytes;
    case 1:
      bytes[at] = dice.below(256);
      return bytes;
    case 2: {
      const number = Buffer.alloc(8);
      number.writeBigUInt64LE(BigInt.asUintN(64, BigInt(dice.edge())));
      number.copy(bytes, at, 0, dice.pick([1, 2, 4, 8]));
      return bytes;
    }
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 4:
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
    case 5:
      return Buffer.concat([bytes.subarray(0, at), dice.bytes(length), bytes.subarray(at)]);
    case 6:
      return bytes.subarray(0, at);
    default:
      return bytes.fill(dice.pick([0, 255, dice.below(256)]), at, at + length);
  }
}
