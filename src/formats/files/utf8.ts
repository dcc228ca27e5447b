/** Decodes UTF-8 that may be broken, whole or byte by byte, by either rule for invalid bytes. Knows bytes, not tokens. */

const REPLACEMENT = "\uFFFD";
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * What becomes of an invalid sequence: a U+FFFD for each of its bytes, as SentencePiece has it, or one for the longest
 * beginning of a character ("maximal subpart"), as TextDecoder and Python have it.
 */
export type InvalidRule = "each byte" | "maximal subpart";

/** Decodes a whole byte sequence, a U+FFFD for each invalid byte; a byte order mark is kept as U+FEFF. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    const decoder = new Utf8Decoder();
    let text = "";
    for (const byte of bytes) text += decoder.push(byte);
    return text + decoder.flush();
  }
}

/** Decodes byte by byte and holds back a character until it is complete or known to be broken. */
export class Utf8Decoder {
  #held: number[] = [];
  /** How many of the held bytes give nothing when they turn out to be broken. */
  #silent = 0;
  readonly #rule: InvalidRule;

  constructor(rule: InvalidRule = "each byte") {
    this.#rule = rule;
  }

  /** Adds a byte and returns the text that is final with it, often "". */
  push(byte: number): string {
    this.#held.push(byte);
    return this.#drain(false);
  }

  /** Ends the sequence: held bytes of an incomplete character become U+FFFD each. */
  flush(): string {
    return this.#drain(true);
  }

  /** From here on, the bytes held now give text only if a character is completed from them, and no U+FFFD. */
  silenceHeld(): void {
    this.#silent = this.#held.length;
  }

  #drain(atEnd: boolean): string {
    const held = this.#held;
    let text = "";
    let start = 0;
    while (start < held.length) {
      const { length, state } = characterAt(held, start);
      if (state === "incomplete" && !atEnd) break;
      if (state === "complete") {
        text += String.fromCodePoint(codePoint(held, start, length));
        start += length;
      } else {
        if (start >= this.#silent) text += REPLACEMENT;
        start += this.#rule === "each byte" ? 1 : length;
      }
    }
    this.#held = held.slice(start);
    this.#silent = Math.max(0, this.#silent - start);
    return text;
  }
}

/** How many bytes from `start` on are of one character, and whether that is all of it (Unicode standard, table 3-7). */
function characterAt(
  bytes: readonly number[],
  start: number,
): { length: number; state: "complete" | "incomplete" | "invalid" } {
  const first = bytes[start]!;
  if (first < 0x80) return { length: 1, state: "complete" };
  if (first < 0xc2 || first > 0xf4) return { length: 1, state: "invalid" };
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  for (let i = 1; i < length; i++) {
    const byte = bytes[start + i];
    if (byte === undefined) return { length: i, state: "incomplete" };
    // The second byte's range excludes overlong forms, surrogates and what lies above U+10FFFF.
    const low = i > 1 ? 0x80 : first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const high = i > 1 ? 0xbf : first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    if (byte < low || byte > high) return { length: i, state: "invalid" };
  }
  return { length, state: "complete" };
}

function codePoint(bytes: readonly number[], start: number, length: number): number {
  if (length === 1) return bytes[start]!;
  let value = bytes[start]! & (0x7f >> length);
  for (let i = 1; i < length; i++) value = (value << 6) | (bytes[start + i]! & 0x3f);
  return value;
}
