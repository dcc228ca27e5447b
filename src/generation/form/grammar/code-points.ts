/** Sets of characters as ranges of code points, and their UTF-8 bytes. Does not know grammars. */

/** Sorted ranges that do not touch, without surrogates. */
export type CodePoints = readonly (readonly [least: number, most: number])[];

export const LAST = 0x10ffff;
const SURROGATES = [0xd800, 0xdfff] as const;

/** The union of any ranges. */
export function union(ranges: Iterable<readonly [number, number]>): CodePoints {
  const result: [number, number][] = [];
  for (const [least, most] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = result.at(-1);
    if (last && least <= last[1] + 1) last[1] = Math.max(last[1], most);
    else result.push([least, most]);
  }
  return result.flatMap(([least, most]) => {
    if (most < SURROGATES[0] || least > SURROGATES[1]) return [[least, most] as const];
    const parts = [[least, SURROGATES[0] - 1] as const, [SURROGATES[1] + 1, most] as const];
    return parts.filter(([from, to]) => from <= to);
  });
}

/** All characters that are not in a set. */
export function complement(set: CodePoints): CodePoints {
  const result: [number, number][] = [];
  let next = 0;
  for (const [least, most] of set) {
    if (least > next) result.push([next, least - 1]);
    next = most + 1;
  }
  if (next <= LAST) result.push([next, LAST]);
  return union(result);
}

export function without(set: CodePoints, other: CodePoints): CodePoints {
  return complement(union([...complement(set), ...other]));
}

export function sizeOf(set: CodePoints): number {
  return set.reduce((sum, [least, most]) => sum + most - least + 1, 0);
}

export function isIn(set: CodePoints, point: number): boolean {
  return set.some(([least, most]) => point >= least && point <= most);
}

/** A set given by the characters of a text. */
export function pointsOf(text: string): CodePoints {
  return union(Array.from(text, (character) => [character.codePointAt(0)!, character.codePointAt(0)!] as const));
}

/** A range for each byte of a character. */
export type ByteRanges = readonly (readonly [least: number, most: number])[];

/** The UTF-8 forms of a set (the method of RE2's utf8 ranges). */
export function utf8Ranges(set: CodePoints): ByteRanges[] {
  const result: ByteRanges[] = [];
  const add = (least: number, most: number): void => {
    for (const end of [0x7f, 0x7ff, 0xffff]) {
      if (least <= end && most > end) {
        add(least, end);
        add(end + 1, most);
        return;
      }
    }
    const length = least <= 0x7f ? 1 : least <= 0x7ff ? 2 : least <= 0xffff ? 3 : 4;
    for (let i = 1; i < length; i++) {
      const rest = 2 ** (6 * i) - 1;
      if ((least | rest) === (most | rest)) continue;
      if ((least & rest) !== 0) {
        add(least, least | rest);
        add((least | rest) + 1, most);
        return;
      }
      if ((most & rest) !== rest) {
        add(least, (most & ~rest) - 1);
        add(most & ~rest, most);
        return;
      }
    }
    const [first, last] = [Buffer.from(String.fromCodePoint(least)), Buffer.from(String.fromCodePoint(most))];
    result.push(Array.from(first, (byte, i) => [byte, last[i]!] as const));
  };
  for (const [least, most] of set) add(least, most);
  return result;
}
