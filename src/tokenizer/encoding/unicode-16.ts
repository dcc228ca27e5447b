/** Shows a text to a regular expression as if JavaScript knew the characters of Unicode 16, as the Rust libraries that Meta's and Hugging Face's tokenizers run on do. Does not know patterns. */

/**
 * Characters that Unicode 15 (Node 20.3) or 17 (later versions of Node) has in another category than 16, in groups: a
 * character of the category that all versions agree on, and the ranges of characters that it replaces.
 */
const GROUPS: readonly (readonly [number, string])[] = [
  // lower-case letters
  [0x0250, "295"],
  [0x1c80, "1c8a a7cd a7db"],
  // not assigned; patterns may name ranges of characters, such as those up to the Chinese ones
  [0x1cff, "88f c5c cdc 1acf-1add 1ae0-1aeb 20c1 2b96"],
  [0xa7e0, "a7ce-a7cf a7d2 a7d4 a7f1"],
  [0xfdd0, "fbc3-fbd2 fd90-fd91 fdc8-fdce"],
  // marks
  [0x0898, "897"],
  // punctuation
  [0x1b5a, "1b4e-1b4f 1b7f"],
  // upper-case letters
  [0x10a0, "1c89 a7cb-a7cc a7da a7dc"],
  // symbols
  [0x2400, "2427-2429 2ffc-2fff 31e4-31e5 31ef"],
  // other letters
  [
    0x10480,
    "105c0-105f3 10d4a-10d4d 10d4f 10ec2-10ec4 11380-11389 1138b 1138e 11390-113b5 113b7 113d1 113d3 " +
      "11bc0-11be0 13460-143fa 16100-1611d 16d43-16d6a 18cff 1e5d0-1e5ed 1e5f0",
  ],
  // not assigned
  [
    0xe0080,
    "10940-10959 10ec5-10ec7 10ed0-10ed8 10efa-10efb 11b60-11b67 11db0-11ddb 11de0-11de9 16ea0-16eb8 " +
      "16ebb-16ed3 16ff2-16ff6 187f8-187ff 18d09-18d1e 18d80-18df2 1ccfa-1ccfc 1ceba-1ced0 1cee0-1cef0 " +
      "1e6c0-1e6de 1e6e0-1e6f5 1e6fe-1e6ff 1f6d8 1f777-1f77a 1f8d0-1f8d8 1fa54-1fa57 1fa8a 1fa8e 1fac8 " +
      "1facd 1faea 1faef 1fbfa 2b73a-2b73f 2cea2-2cead 323b0-33479",
  ],
  // digits
  [0x10d30, "10d40-10d49 116d0-116e3 11bf0-11bf9 16130-16139 16d70-16d79 1ccf0-1ccf9 1e5f1-1e5fa"],
  // modifier letters
  [0x16b40, "10d4e 10d6f 16d40-16d42 16d6b-16d6c"],
  // upper-case letters
  [0x10400, "10d50-10d65"],
  // marks
  [
    0x10a01,
    "10d69-10d6d 10efc 113b8-113c0 113c2 113c5 113c7-113ca 113cc-113d0 113d2 113e1-113e2 11f5a " +
      "1611e-1612f 1e5ee-1e5ef",
  ],
  // punctuation
  [0x10100, "10d6e 113d4-113d5 113d7-113d8 11be1 16d6d-16d6f 1e5ff"],
  // lower-case letters
  [0x10428, "10d70-10d85"],
  // symbols
  [
    0x1d100,
    "10d8e-10d8f 1cc00-1ccef 1cd00-1ceb3 1f8b2-1f8bb 1f8c0-1f8c1 1fa89 1fa8f 1fabe 1fac6 1fadc 1fadf " +
      "1fae9 1fbcb-1fbef",
  ],
  // Chinese characters
  [0x20000, "2ebf0-2ee5d"],
];

const RANGES = GROUPS.flatMap(([standIn, ranges]) =>
  ranges.split(" ").map((range) => {
    const [first = 0, last = first] = range.split("-").map((code) => Number.parseInt(code, 16));
    return { first, last, standIn: String.fromCodePoint(standIn) };
  }),
);
const UNSTABLE = new RegExp(
  `[${RANGES.map(({ first, last }) => `\\u{${first.toString(16)}}-\\u{${last.toString(16)}}`).join("")}]`,
  "gu",
);

/** The text with stand-ins, each as long as the character that it replaces: matches are at the same places. */
export function asUnicode16(text: string): string {
  return text.replace(UNSTABLE, (character) => {
    const code = character.codePointAt(0)!;
    return RANGES.find(({ first, last }) => code >= first && code <= last)!.standIn;
  });
}
