/** Decodes UTF-8 that may be invalid, at once or byte by byte, by one of two rules for invalid bytes. Does not know tokens. */

const REPLACEMENT = "\uFFFD";
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * How an invalid sequence is decoded: as a U+FFFD for each of its bytes, as SentencePiece does, or as one for the longest
 * beginning of a character ("maximal subpart"), as TextDecoder and Python do.
 */
export type InvalidRule = "each byte" | "maximal subpart";

/** Decodes a whole byte sequence, with a U+FFFD for each invalid byte; keeps a byte order mark as U+FEFF. */
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

/** Offset of the first byte that does not belong to a character, or -1. */
export function firstInvalid(bytes: ArrayLike<number>): number {
  for (let at = 0; at < bytes.length; ) {
    const { length, state } = characterAt(bytes, at);
    if (state !== "complete") return at;
    at += length;
  }
  return -1;
}

/** Decodes byte by byte; holds back the bytes of a character until it is complete or known to be invalid. */
export class Utf8Decoder {
  #held: number[] = [];
  /** How many of the held bytes decode to nothing if they turn out to be invalid. */
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

  /** Ends the sequence: held bytes of an incomplete character become U+FFFD, by the rule for invalid bytes. */
  flush(): string {
    return this.#drain(true);
  }

  /** The bytes held now give text only if later bytes complete their character; they never become U+FFFD. */
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

/** How many bytes from `start` belong to one character, and whether it is complete (Unicode standard, table 3-7). */
function characterAt(
  bytes: ArrayLike<number>,
  start: number,
): { length: number; state: "complete" | "incomplete" | "invalid" } {
  const first = bytes[start]!;
  if (first < 0x80) return { length: 1, state: "complete" };
  if (first < 0xc2 || first > 0xf4) return { length: 1, state: "invalid" };
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  for (let i = 1; i < length; i++) {
    const byte = bytes[start + i];
    if (byte === undefined) return { length: i, state: "incomplete" };
    // The second byte's range excludes overlong forms, surrogates and code points above U+10FFFF.
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
